"""The site's settings, which its admin decides: one row, stored at the first change."""

from enum import StrEnum
from typing import Any

from tortoise import fields
from tortoise.models import Model

DEFAULT_SELLER_LEVELS: list[dict[str, Any]] = [
    {"level": "LEVEL_1", "min_average": 400, "min_reviews": 10},
    {"level": "LEVEL_2", "min_average": 450, "min_reviews": 50},
    {"level": "TOP_SELLER", "min_average": 480, "min_reviews": 100},
]


def default_seller_levels() -> list[dict[str, Any]]:
    return [dict(rule) for rule in DEFAULT_SELLER_LEVELS]


class ShareAudience(StrEnum):
    PROMOTERS = "PROMOTERS"
    EVERYONE = "EVERYONE"

    @classmethod
    def _missing_(cls, _value: object) -> "ShareAudience":
        """For a value that a newer version wrote: the default."""
        return cls.PROMOTERS


# The tokens of addresses where vendors and the team work.
PLACES = {"review_id", "order_id", "update_id"}
# Mails that are not sent until an admin switches them on.
OFF_BY_DEFAULT = {"update.rating_request"}
# The settings that are switches of one mail.
SWITCHES = {
    "review_reminder_enabled": "review.reminder",
    "rating_request_enabled": "update.rating_request",
    "detractor_alert_enabled": "rating.alert",
}
# The default, until an admin has set the marketplace's address.
NO_SITE_URL = "http://localhost:8000"


class SiteSettings(Model):
    key = fields.CharField(max_length=8, primary_key=True, default="site")
    site_name = fields.CharField(max_length=200, default="Our marketplace")
    site_url = fields.CharField(max_length=2000, default=NO_SITE_URL)
    time_zone = fields.CharField(max_length=64, default="UTC")
    admin_email = fields.CharField(max_length=320, null=True)
    review_window_days: int = fields.IntField(default=30)
    # Whole days from the publication in which an author may edit; 0: no limit.
    review_edit_days: int = fields.IntField(default=0, db_default=0)
    review_moderation = fields.BooleanField(default=False)
    helpful_votes_enabled = fields.BooleanField(default=True)
    review_reminder_days: int = fields.IntField(default=3)
    ratings_enabled = fields.BooleanField(default=True)
    rating_comments_enabled = fields.BooleanField(default=True)
    follow_up_delay_minutes: int = fields.IntField(default=5)
    share_audience = fields.CharEnumField(
        ShareAudience, max_length=16, default=ShareAudience.PROMOTERS
    )
    promoter_share_url = fields.CharField(max_length=2000, null=True)
    promoter_share_text = fields.CharField(
        max_length=1000, default="I had a great experience with {site_name}!"
    )
    # By the name of a mail: whether it is sent. Those that are left out are as they are by default.
    mail_switches: dict[str, bool] = fields.JSONField(default=dict, db_default="{}")
    vendors_see_updates = fields.BooleanField(default=True)
    review_url_template = fields.CharField(max_length=2000, null=True)
    update_url_template = fields.CharField(max_length=2000, null=True)
    # Where vendors and the team work; null: their mails have no button.
    vendor_review_url_template = fields.CharField(max_length=2000, null=True)
    team_review_url_template = fields.CharField(max_length=2000, null=True)
    team_update_url_template = fields.CharField(max_length=2000, null=True)
    # Hundredths of a star and counts, lowest level first.
    seller_levels: list[dict[str, Any]] = fields.JSONField(default=default_seller_levels)

    class Meta:
        table = "site_settings"

    def sends(self, mail: str) -> bool:
        """Whether mails of this kind are sent."""
        return self.mail_switches.get(mail, mail not in OFF_BY_DEFAULT)

    @property
    def review_reminder_enabled(self) -> bool:
        return self.sends(SWITCHES["review_reminder_enabled"])

    @property
    def rating_request_enabled(self) -> bool:
        return self.sends(SWITCHES["rating_request_enabled"])

    @property
    def detractor_alert_enabled(self) -> bool:
        return self.sends(SWITCHES["detractor_alert_enabled"])

    @property
    def configured_url(self) -> str | None:
        return None if self.site_url == NO_SITE_URL else self.site_url


# The columns that are settings. Those that may be null are shown to admins alone.
COLUMNS = tuple(name for name in SiteSettings._meta.fields_map if name != "key")
NULLABLE = tuple(name for name in COLUMNS if SiteSettings._meta.fields_map[name].null)
# The settings as they are read: the switches, too, that have a name of their own.
SETTINGS = (*COLUMNS, *SWITCHES)
