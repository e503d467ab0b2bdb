"""Reviews, as far as the viewer may see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry

import models
from models.customer import public_name
from models.review import ReviewStatus
from resolvers import orders, reviews_lookup, services
from resolvers.viewer import sees_moderation
from schema import ids
from schema.context import Context
from schema.node import Node
from schema.selection import Selection

if TYPE_CHECKING:
    from schema.order import Order
    from schema.service import Service
    from schema.vendor import Vendor


@strawberry.type(description="Who wrote a review, as strangers may know it.")
class ReviewAuthor:
    display_name: str = strawberry.field(
        description='First name and initial, such as "Maria S."; never an e-mail address or an id.'
    )


@strawberry.type(description="The optional sub-ratings of a review, each 1 to 5 or null.")
class SubRatings:
    communication: int | None = strawberry.field(description="How the vendor communicated.")
    quality: int | None = strawberry.field(description="The quality of the service.")
    value: int | None = strawberry.field(description="Value for money.")


@strawberry.type(description="The vendor's public answer to a review. One at most.")
class ReviewReply:
    body: str = strawberry.field(description="Plain text, as the vendor typed it.")
    created_at: datetime = strawberry.field(description="When it was posted.")

    @classmethod
    def from_row(cls, row: models.Review) -> "ReviewReply | None":
        if row.reply_body is None or row.replied_at is None:
            return None
        return cls(body=row.reply_body, created_at=row.replied_at)


@strawberry.type(description="What an admin decided of a review. For its author and admins.")
class ModerationDecision:
    status: ReviewStatus = strawberry.field(description="Approved or rejected.")
    reason: models.RejectionReason | None = strawberry.field(
        description="Why it was rejected; null when approved."
    )
    note: str | None = strawberry.field(description="The admin's words to it, if any.")
    decided_at: datetime = strawberry.field(description="When it was decided.")

    @classmethod
    def from_row(cls, row: models.Review) -> "ModerationDecision | None":
        if row.moderated_at is None:
            return None
        return cls(
            status=row.status,
            reason=row.rejection_reason,
            note=row.moderation_note,
            decided_at=row.moderated_at,
        )


@strawberry.type(description="An earlier version of a review. For its author and admins.")
class ReviewRevision:
    rating: int = strawberry.field(description="The stars it gave, 1 to 5.")
    body: str = strawberry.field(description="Its text.")
    sub_ratings: SubRatings = strawberry.field(description="Its sub-ratings.")
    replaced_at: datetime = strawberry.field(description="When an edit replaced it.")

    @classmethod
    def from_row(cls, row: models.ReviewRevision) -> "ReviewRevision":
        return cls(
            rating=row.rating,
            body=row.body,
            sub_ratings=SubRatings(
                communication=row.communication, quality=row.quality, value=row.value
            ),
            replaced_at=row.replaced_at,
        )


@strawberry.type(
    description=(
        "What a customer says of a completed order. Published ones are public; pending and rejected"
        " ones exist for their author and admins only."
    )
)
class Review(Node):
    rating: int = strawberry.field(description="Whole stars, 1 to 5.")
    body: str = strawberry.field(
        description="Plain text, as its author typed it; escape it. Empty in imported history."
    )
    sub_ratings: SubRatings = strawberry.field(description="The optional sub-ratings.")
    status: ReviewStatus = strawberry.field(description="Whether it is public.")
    verified_purchase: bool = strawberry.field(
        description=(
            "Whether the order was known to the server and completed when the review was written."
            " Computed by the server, never taken from input."
        )
    )
    author: ReviewAuthor = strawberry.field(description="Who wrote it.")
    service: Annotated["Service", strawberry.lazy("schema.service")] = strawberry.field(
        description="The service that was reviewed."
    )
    vendor: Annotated["Vendor", strawberry.lazy("schema.vendor")] = strawberry.field(
        description="The vendor of that order; stays when the service changes hands."
    )
    order: Annotated["Order", strawberry.lazy("schema.order")] | None = strawberry.field(
        description="The order, for its parties and the team; null for everybody else."
    )
    created_at: datetime = strawberry.field(description="When it was written.")
    published_at: datetime | None = strawberry.field(
        description="When it became public for the first time; null when it never was."
    )
    edited_at: datetime | None = strawberry.field(
        description="When it was last edited; null when it never was."
    )
    reply: ReviewReply | None = strawberry.field(
        description="The vendor's answer, if there is one."
    )
    helpful_count: int = strawberry.field(description="How many people found it helpful.")
    viewer_has_voted: bool = strawberry.field(description="Whether you found it helpful.")
    moderation: ModerationDecision | None = strawberry.field(
        description="The admin's decision, for the author and admins; null for others."
    )
    revisions: list[ReviewRevision] = strawberry.field(
        description="Earlier versions, oldest first, for the author and admins; empty for others."
    )

    @classmethod
    def from_row(cls, row: models.Review, **related: Any) -> "Review":
        """Related things that were not fetched were not asked for."""
        return cls(
            id=strawberry.ID(ids.encode("Review", row.id)),
            rating=row.rating,
            body=row.body,
            sub_ratings=SubRatings(
                communication=row.communication, quality=row.quality, value=row.value
            ),
            status=row.status,
            verified_purchase=row.verified,
            author=ReviewAuthor(display_name=public_name(row.author_name)),
            service=related.get("service"),  # type: ignore[arg-type]
            vendor=related.get("vendor"),  # type: ignore[arg-type]
            order=related.get("order"),
            created_at=row.created_at,
            published_at=row.published_at,
            edited_at=row.edited_at,
            reply=ReviewReply.from_row(row),
            helpful_count=row.helpful_count,
            viewer_has_voted=related.get("voted", False),
            moderation=related.get("moderation"),
            revisions=related.get("revisions", []),
        )


async def present_reviews(
    context: Context, rows: Sequence[models.Review], selection: Selection
) -> list[Review]:
    """Reviews with everything selected below them, in a constant number of statements."""
    from schema.order import present_orders  # noqa: PLC0415 - orders show reviews, too
    from schema.service import present_services  # noqa: PLC0415
    from schema.vendor import present_vendors  # noqa: PLC0415

    viewer = context.viewer
    related: dict[str, dict[UUID, Any]] = {}
    if rows and "service" in selection:
        found = list((await services.services_by_ids({row.service_id for row in rows})).values())
        shown = await present_services(context, found, selection["service"])
        related["service"] = dict(zip((row.id for row in found), shown, strict=True))
    if rows and "vendor" in selection:
        sellers = list((await services.vendors_by_ids({row.vendor_id for row in rows})).values())
        named = await present_vendors(context, sellers, selection["vendor"])
        related["vendor"] = dict(zip((row.id for row in sellers), named, strict=True))
    if rows and "order" in selection:
        own = list((await orders.by_ids(viewer, {row.order_id for row in rows})).values())
        seen = await present_orders(context, own, selection["order"])
        related["order"] = dict(zip((row.id for row in own), seen, strict=True))
    voted: set[UUID] = set()
    if "viewerHasVoted" in selection:
        voted = await reviews_lookup.voted_by(viewer, [row.id for row in rows])
    insiders = [row.id for row in rows if sees_moderation(viewer, row)]
    revisions: dict[UUID, list[models.ReviewRevision]] = {}
    if insiders and "revisions" in selection:
        revisions = await reviews_lookup.revisions_of(insiders)
    return [
        Review.from_row(
            row,
            service=related.get("service", {}).get(row.service_id),
            vendor=related.get("vendor", {}).get(row.vendor_id),
            order=related.get("order", {}).get(row.order_id),
            voted=row.id in voted,
            moderation=ModerationDecision.from_row(row) if row.id in insiders else None,
            revisions=[ReviewRevision.from_row(old) for old in revisions.get(row.id, [])],
        )
        for row in rows
    ]
