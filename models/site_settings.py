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


# The default, until an admin has set the marketplace's address.
NO_SITE_URL = "http://localhost:8000"


class SiteSettings(Model):
    key = fields.CharField(max_length=8, primary_key=True, default="site")
    site_name = fields.CharField(max_length=200, default="Our marketplace")
    site_url = fields.CharField(max_length=2000, default=NO_SITE_URL)
    time_zone = fields.CharField(max_length=64, default="UTC")
    admin_email = fields.CharField(max_length=320, null=True)
    review_window_days: int = fields.IntField(default=30)
    review_moderation = fields.BooleanField(default=False)
    helpful_votes_enabled = fields.BooleanField(default=True)
    review_reminder_enabled = fields.BooleanField(default=True)
    review_reminder_days: int = fields.IntField(default=3)
    ratings_enabled = fields.BooleanField(default=True)
    rating_comments_enabled = fields.BooleanField(default=True)
    rating_request_enabled = fields.BooleanField(default=False)
    follow_up_delay_minutes: int = fields.IntField(default=5)
    share_audience = fields.CharEnumField(
        ShareAudience, max_length=16, default=ShareAudience.PROMOTERS
    )
    promoter_share_url = fields.CharField(max_length=2000, null=True)
    promoter_share_text = fields.CharField(
        max_length=1000, default="I had a great experience with {site_name}! {site_url}"
    )
    detractor_alert_enabled = fields.BooleanField(default=True)
    vendors_see_updates = fields.BooleanField(default=True)
    review_url_template = fields.CharField(max_length=2000, null=True)
    update_url_template = fields.CharField(max_length=2000, null=True)
    # Hundredths of a star and counts, lowest level first.
    seller_levels: list[dict[str, Any]] = fields.JSONField(default=default_seller_levels)

    class Meta:
        table = "site_settings"

    @property
    def configured_url(self) -> str | None:
        return None if self.site_url == NO_SITE_URL else self.site_url


# The columns that are settings. Those that may be null are shown to admins alone.
SETTINGS = tuple(name for name in SiteSettings._meta.fields_map if name != "key")
NULLABLE = tuple(name for name in SETTINGS if SiteSettings._meta.fields_map[name].null)
