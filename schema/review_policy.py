"""How reviews are verified, moderated, sorted and scored, as text made from the settings."""

import strawberry

import models
from models.site_settings import ShareAudience
from resolvers.user_text import BODY_MAX, BODY_MIN


@strawberry.type(
    description=(
        "How reviews come about on this site, for everybody to read. Each text is a paragraph for"
        " people, in English, and tells the settings as they are now."
    )
)
class ReviewPolicy:
    verification: str = strawberry.field(description="Who can write, and what verified means.")
    moderation: str = strawberry.field(description="What is looked at before publication, and why.")
    ordering: str = strawberry.field(description="How lists and rankings are ordered.")
    scoring: str = strawberry.field(description="How averages are computed.")
    edits: str = strawberry.field(description="Who can change or delete what.")
    sharing: str = strawberry.field(description="Who is invited to share an experience.")
    incentives: str = strawberry.field(description="Whether anything is given for reviews.")
    window_days: int = strawberry.field(
        description="Days after completion on which a review is accepted; 0 is unlimited."
    )
    moderated: bool = strawberry.field(description="Whether reviews wait for a decision.")
    min_characters: int = strawberry.field(description="Characters that a review needs.")
    max_characters: int = strawberry.field(description="Characters that a review can have.")
    promoter_min_stars: int = strawberry.field(
        description="Stars of a promoter: 4 or 5. Fewer make a detractor. Not the NPS of 0 to 10."
    )

    @classmethod
    def of(cls, settings: models.SiteSettings) -> "ReviewPolicy":
        days = settings.review_window_days
        until = f"for {days} days after completion" if days else "at any time after completion"
        return cls(
            verification=(
                f"Only the customer of a completed order can review it, once, {until}."
                " A review is a verified purchase when the order was known and completed when it"
                " was written; nobody can claim it. Reviews from files of an older system are"
                " verified purchases only where the marketplace itself had told us the order"
                " before, or where the operator of this site vouched for the file; those that came"
                " before this rule keep the mark that they had."
            ),
            moderation=(
                "Every review waits for a moderator, whatever its stars, and is published or"
                " rejected with a reason."
                if settings.review_moderation
                else "Reviews are published at once. An admin can reject one with a reason, never"
                " for its stars."
            ),
            ordering=(
                "Reviews are listed newest first unless asked otherwise. Services rank by their"
                " average: featured from 4.5, normal from 4.0, then unrated ones, then lowered"
                " ones; below 3.5 they are left out of rankings. Within these, by average, then by"
                " number of reviews."
            ),
            scoring=(
                "The average is the plain mean of all published reviews, over the whole life of a"
                " service or vendor, rounded half-up to two decimals. Nothing ages and nothing is"
                " weighted. A review of an order that was refunded later keeps counting."
            ),
            edits=_edits(settings),
            sharing=(
                "Everybody who rates a solved update is invited to share."
                if settings.share_audience is ShareAudience.EVERYONE
                else "Those who rate a solved update with 4 or 5 stars are invited to share."
            ),
            incentives="Nothing is given for a review.",
            window_days=days,
            moderated=settings.review_moderation,
            min_characters=BODY_MIN,
            max_characters=BODY_MAX,
            promoter_min_stars=4,
        )


def _edits(settings: models.SiteSettings) -> str:
    days = settings.review_edit_days
    until = f"for {days} days after its publication" if days else "at any time"
    waits = (
        "An edit of a published review waits for a moderator, too; the version before it stays"
        " public and counts until then."
        if settings.review_moderation
        else "An edit is public at once, except that of a rejected review, which waits."
    )
    return (
        f"Authors can edit their review {until}, unless the order is disputed. {waits} Admins can"
        " edit, which the review shows and its author is told. Only admins delete, with a reason."
        " Earlier versions are kept. The vendor answers once, in public, and the answer says which"
        " version it was given to."
    )
