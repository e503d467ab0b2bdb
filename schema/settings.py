"""The site's settings: everybody reads the public ones, admins read and change all."""

from math import isclose
from typing import Any

import strawberry
from strawberry import UNSET

import models
from models.site_settings import NULLABLE, SETTINGS, ShareAudience
from resolvers import service_standing, site_settings
from resolvers.viewer import Viewer
from schema.rating_summary import stars

_PLACE = (
    "May hold {review_id} and {update_id}, ids of this API, and {order_id}, the marketplace's own;"
    " one that a mail does not have becomes empty. Null: no button."
)


@strawberry.type(description="What a seller level asks for.")
class SellerLevelRule:
    level: service_standing.SellerLevel = strawberry.field(description="The level.")
    min_average: float = strawberry.field(description="The published average, in stars, or more.")
    min_reviews: int = strawberry.field(description="So many approved reviews, or more.")


@strawberry.type(description="Whether mails of one kind are sent.")
class MailSwitch:
    mail: str = strawberry.field(description="The kind, named as in `mailDeliveries`.")
    enabled: bool = strawberry.field(
        description="Off: no such mail is sent; the notice in the app still comes."
    )


@strawberry.type(
    description=(
        "What the site's admin decides. Non-null fields answer everybody; nullable ones are null"
        " for all but admins."
    )
)
class Settings:
    site_name: str = strawberry.field(description="The marketplace's name in pages and mails.")
    site_url: str = strawberry.field(description="The marketplace's address.")
    time_zone: str = strawberry.field(
        description="The site's time zone (IANA): days of windows and periods are days there."
    )
    admin_email: str | None = strawberry.field(description="Where alerts go. For admins.")
    review_window_days: int = strawberry.field(
        description="Days after completion on which a review is accepted; 0 is unlimited."
    )
    review_edit_days: int = strawberry.field(
        description="Days from its publication on which an author can edit a review; 0 is"
        " unlimited. One that was never published can always be edited."
    )
    review_moderation: bool = strawberry.field(
        description="Whether reviews, and edits of published ones, wait for a moderator; false:"
        " published at once."
    )
    helpful_votes_enabled: bool = strawberry.field(description="Whether people can vote.")
    review_reminder_enabled: bool = strawberry.field(
        description="Whether customers are reminded to review."
    )
    review_reminder_days: int = strawberry.field(
        description="Days from completion to the reminder. An order that arrives later than that"
        " is reminded of at once, if its window is open for two more days."
    )
    mail_switches: list[MailSwitch] = strawberry.field(
        description="Every kind of mail. `reviewReminderEnabled`, `ratingRequestEnabled` and"
        " `detractorAlertEnabled` are the same switches under names of their own."
    )
    ratings_enabled: bool = strawberry.field(
        description="Whether solved order updates can be rated."
    )
    rating_comments_enabled: bool = strawberry.field(
        description="Whether such a rating can have a comment."
    )
    rating_request_enabled: bool = strawberry.field(
        description="Whether a mail of its own asks for the rating of a solved update."
    )
    follow_up_delay_minutes: int = strawberry.field(
        description="Minutes from a rating to the mail that follows it up."
    )
    share_audience: ShareAudience = strawberry.field(
        description="Who is invited to share; some review sites forbid to ask only the happy ones."
    )
    promoter_share_url: str | None = strawberry.field(
        description="What the share buttons point to; null: no buttons. For admins."
    )
    promoter_share_text: str = strawberry.field(
        description="What people share; {site_name} and {site_url} stand for the site's."
    )
    detractor_alert_enabled: bool = strawberry.field(
        description="Whether 1 to 3 stars alert the admin."
    )
    vendors_see_updates: bool = strawberry.field(
        description="Whether vendors see the customer-visible updates of their orders."
    )
    review_url_template: str | None = strawberry.field(
        description="The storefront's page to review; null: the built-in one. For admins."
    )
    update_url_template: str | None = strawberry.field(
        description="The storefront's page to rate an update; null: the built-in one. For admins."
    )
    vendor_review_url_template: str | None = strawberry.field(
        description="Where a vendor reads a review; null: mails to vendors have no button."
        " For admins."
    )
    team_review_url_template: str | None = strawberry.field(
        description="Where the team decides reviews; null: such mails have no button. For admins."
    )
    team_update_url_template: str | None = strawberry.field(
        description="Where the team answers updates; null: such mails have no button. For admins."
    )
    seller_levels: list[SellerLevelRule] = strawberry.field(
        description="What each level asks for, lowest first."
    )

    @classmethod
    def from_row(cls, row: models.SiteSettings, viewer: Viewer) -> "Settings":
        values: dict[str, Any] = {
            name: None if name in NULLABLE and not viewer.is_admin else getattr(row, name)
            for name in SETTINGS
        }
        values["seller_levels"] = [
            SellerLevelRule(
                level=service_standing.SellerLevel(rule["level"]),
                min_average=stars(rule["min_average"]) or 0.0,
                min_reviews=rule["min_reviews"],
            )
            for rule in service_standing.rules(row)
        ]
        values["mail_switches"] = [
            MailSwitch(mail=mail, enabled=row.sends(mail)) for mail in site_settings.MAILS
        ]
        return cls(**values)


@strawberry.input(description="What a seller level asks for.")
class SellerLevelRuleInput:
    level: service_standing.SellerLevel = strawberry.field(
        description="LEVEL_1, LEVEL_2 or TOP_SELLER."
    )
    min_average: float = strawberry.field(description="In stars, with two decimals at most.")
    min_reviews: int = strawberry.field(description="1 or more.")


@strawberry.input(description="Whether mails of one kind are sent.")
class MailSwitchInput:
    mail: str = strawberry.field(description="The kind, named as in `mailDeliveries`.")
    enabled: bool = strawberry.field(description="False: no such mail is sent.")


@strawberry.input(description="New settings: only those given change.")
class UpdateSettingsInput:
    site_name: str | None = strawberry.field(
        default=UNSET,
        description=f"The marketplace's name, 1 to {site_settings.MAX_NAME} characters.",
    )
    site_url: str | None = strawberry.field(
        default=UNSET, description="The marketplace's address, http or https."
    )
    time_zone: str | None = strawberry.field(
        default=UNSET, description="A time zone of the IANA list, such as Europe/Berlin."
    )
    admin_email: str | None = strawberry.field(
        default=UNSET, description="Where alerts go; null: nowhere."
    )
    review_window_days: int | None = strawberry.field(
        default=UNSET,
        description=f"0 (unlimited) to {site_settings.MAX_WINDOW_DAYS:,}."
        " Holds for all orders at once, old ones too.",
    )
    review_edit_days: int | None = strawberry.field(
        default=UNSET,
        description=f"0 (unlimited) to {site_settings.MAX_WINDOW_DAYS:,}."
        " Holds for all reviews at once, old ones too.",
    )
    review_moderation: bool | None = strawberry.field(
        default=UNSET,
        description="Whether reviews wait for a moderator. All of them, whatever the stars.",
    )
    helpful_votes_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether people can vote."
    )
    review_reminder_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether customers are reminded to review."
    )
    review_reminder_days: int | None = strawberry.field(
        default=UNSET,
        description="Days from completion to the reminder,"
        f" 0 to {site_settings.MAX_REMINDER_DAYS}. Promised reminders follow.",
    )
    mail_switches: list[MailSwitchInput] | None = strawberry.field(
        default=UNSET,
        description="Kinds that are left out stay. Mails that are promised follow.",
    )
    ratings_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether solved order updates can be rated."
    )
    rating_comments_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether such a rating can have a comment."
    )
    rating_request_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether a mail of its own asks for the rating."
    )
    follow_up_delay_minutes: int | None = strawberry.field(
        default=UNSET,
        description="Minutes from a rating to its follow-up,"
        f" 0 to {site_settings.MAX_DELAY_MINUTES:,}.",
    )
    share_audience: ShareAudience | None = strawberry.field(
        default=UNSET, description="Who is invited to share."
    )
    promoter_share_url: str | None = strawberry.field(
        default=UNSET,
        description="What the share buttons point to, http or https; null: no buttons.",
    )
    promoter_share_text: str | None = strawberry.field(
        default=UNSET,
        description=f"What people share, 1 to {site_settings.MAX_SHARE_TEXT:,} characters;"
        " tokens {site_name} and {site_url}.",
    )
    detractor_alert_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether 1 to 3 stars alert the admin."
    )
    vendors_see_updates: bool | None = strawberry.field(
        default=UNSET, description="Whether vendors see the updates of their orders."
    )
    review_url_template: str | None = strawberry.field(
        default=UNSET,
        description="The storefront's page to review, with {token}; also {order_id}, {service_id}.",
    )
    update_url_template: str | None = strawberry.field(
        default=UNSET,
        description="The storefront's page to rate, with {token}; also {order_id}, {update_id}.",
    )
    vendor_review_url_template: str | None = strawberry.field(
        default=UNSET, description=f"Where a vendor reads a review. {_PLACE}"
    )
    team_review_url_template: str | None = strawberry.field(
        default=UNSET, description=f"Where the team decides reviews. {_PLACE}"
    )
    team_update_url_template: str | None = strawberry.field(
        default=UNSET, description=f"Where the team answers updates. {_PLACE}"
    )
    seller_levels: list[SellerLevelRuleInput] | None = strawberry.field(
        default=UNSET, description="All three rules, lowest first."
    )

    def given(self) -> dict[str, Any]:
        """The sent settings by column name."""
        given = {name: value for name, value in vars(self).items() if value is not UNSET}
        if self.seller_levels:
            given["seller_levels"] = [_rule(rule) for rule in self.seller_levels]
        if self.mail_switches:
            given["mail_switches"] = [(each.mail, each.enabled) for each in self.mail_switches]
        return given


def _rule(rule: SellerLevelRuleInput) -> dict[str, Any]:
    hundredths = rule.min_average * 100
    is_whole = isclose(hundredths, round(hundredths), abs_tol=1e-9)
    return {
        "level": rule.level.value,
        "min_average": round(hundredths) if is_whole else hundredths,
        "min_reviews": rule.min_reviews,
    }
