"""Reviews, as far as the viewer may see them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import repeat
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

import models
from models.review import EditedBy, ReviewStatus
from resolvers import (
    orders,
    review_actions,
    review_content,
    review_lookup,
    review_moderation,
    review_versions,
    services,
)
from resolvers.keyset import MAX_SIZE, PageRequest
from resolvers.viewer import Viewer, is_author, sees_moderation
from schema import ids
from schema.context import Context
from schema.fetch import present_by_id, presenter
from schema.node import Node
from schema.review_parts import (
    ModerationDecision,
    PendingVersion,
    ReviewActions,
    ReviewAuthor,
    ReviewReply,
    ReviewRevision,
    SubRatings,
)
from schema.selection import Selection
from schema.team_member import TeamMember

if TYPE_CHECKING:
    from schema.order import Order
    from schema.service import Service
    from schema.vendor import Vendor


@strawberry.type(
    description=(
        "What a customer says of a completed order. Published ones are public; pending and rejected"
        " ones exist for their author, moderators and admins only."
    )
)
class Review(Node):
    row: strawberry.Private[models.Review]
    # Related nodes by field name; only those that are selected.
    related: strawberry.Private[Mapping[str, Any]]

    @strawberry.field(description="Whole stars, 1 to 5.")
    def rating(self) -> int:
        return self.row.rating

    @strawberry.field(
        description="What these stars say, such as “Good, met expectations”: in the language of"
        " Accept-Language if Candor has it, else in English."
    )
    def stars_in_words(self, info: Info[Context, None]) -> str:
        return review_content.stars_in_words(self.row.rating, info.context.language)

    @strawberry.field(
        description="Plain text, as its author typed it; escape it. Empty in imported history."
    )
    def body(self) -> str:
        return self.row.body

    @strawberry.field(description="The optional sub-ratings.")
    def sub_ratings(self) -> SubRatings:
        return SubRatings(row=self.row)

    @strawberry.field(description="Whether it is public.")
    def status(self) -> ReviewStatus:
        return self.row.status

    @strawberry.field(
        description=(
            "Whether the marketplace had told the order, and it was completed, when the review was"
            " written; of a review from a file also whether the site's operator vouched for it."
            " Computed by the server, never taken from input."
        )
    )
    def verified_purchase(self) -> bool:
        return self.row.verified

    @strawberry.field(description="Who wrote it.")
    def author(self) -> ReviewAuthor:
        return ReviewAuthor(name=self.row.author_name)

    @strawberry.field(description="The service that was reviewed.")
    def service(self) -> Annotated["Service", strawberry.lazy("schema.service")]:
        return self.related["service"]  # type: ignore[no-any-return]

    @strawberry.field(description="The vendor of that order; stays when the service changes hands.")
    def vendor(self) -> Annotated["Vendor", strawberry.lazy("schema.vendor")]:
        return self.related["vendor"]  # type: ignore[no-any-return]

    @strawberry.field(
        description="The order, for its parties and the team; null for everybody else."
    )
    def order(self) -> Annotated["Order", strawberry.lazy("schema.order")] | None:
        return self.related["order"]  # type: ignore[no-any-return]

    @strawberry.field(description="When it was written.")
    def created_at(self) -> datetime:
        return self.row.created_at

    @strawberry.field(
        description="When it became public for the first time; null when it never was."
    )
    def published_at(self) -> datetime | None:
        return self.row.published_at

    @strawberry.field(description="When it was last edited; null when it never was.")
    def edited_at(self) -> datetime | None:
        return self.row.edited_at

    @strawberry.field(
        description="Who wrote the version that is shown, if it is not the first: ADMIN is for"
        " everybody to see."
    )
    def edited_by(self) -> EditedBy | None:
        return self.row.edited_by

    @strawberry.field(
        description="An edit that waits for a decision while this version stays public: for its"
        " author, moderators and admins; null for others, and where none waits."
    )
    def pending_version(self) -> PendingVersion | None:
        return self.related["pending"]  # type: ignore[no-any-return]

    @strawberry.field(description="The vendor's answer, if there is one.")
    def reply(self) -> ReviewReply | None:
        return ReviewReply.from_row(self.row)

    @strawberry.field(description="How many people found it helpful.")
    def helpful_count(self) -> int:
        return self.row.helpful_count

    @strawberry.field(description="Whether you found it helpful.")
    def viewer_has_voted(self) -> bool:
        return self.related["voted"]  # type: ignore[no-any-return]

    @strawberry.field(description="Whether you wrote it.")
    def viewer_is_author(self) -> bool:
        return self.related["author"]  # type: ignore[no-any-return]

    @strawberry.field(description="What you may do with it.")
    def viewer_can(self) -> ReviewActions:
        return self.related["can"]  # type: ignore[no-any-return]

    @strawberry.field(
        description="What was decided, for the author, moderators and admins; null for others."
    )
    def moderation(self) -> ModerationDecision | None:
        if not self.related["insider"]:
            return None
        return ModerationDecision.from_row(self.row, self.related["decided_by"])

    @strawberry.field(
        description=(
            "Earlier versions, for the author, moderators and admins; empty for others. The newest"
            " ones, oldest first."
        )
    )
    async def revisions(
        self,
        info: Info[Context, None],
        last: Annotated[
            int, strawberry.argument(description=f"How many of the newest, 1 to {MAX_SIZE}.")
        ] = review_lookup.DEFAULT_TAIL,
    ) -> list[ReviewRevision]:
        request = review_lookup.revisions_request(last)
        if not self.related["insider"]:
            return []
        rows = await info.context.page(_fetch_revisions, self.row.id, request)
        return [ReviewRevision.from_row(old) for old in rows]


async def _fetch_revisions(
    _viewer: Viewer, reviews: Sequence[UUID], request: PageRequest
) -> list[list[models.ReviewRevision]]:
    return await review_lookup.revisions_of(reviews, request)


_RELATED = frozenset(
    {
        *("service", "vendor", "order", "moderation", "revisions", "pendingVersion"),
        *("viewerHasVoted", "viewerIsAuthor", "viewerCan"),
    }
)


def is_public_only(selection: Selection) -> bool:
    """Whether the selection needs only the review's row, and only what is public."""
    return selection.keys().isdisjoint(_RELATED)


@presenter("Review", review_lookup.by_ids)
async def present_reviews(
    context: Context, rows: Sequence[models.Review], selection: Selection
) -> list[Review]:
    """Reviews with everything selected below them, in a constant number of statements."""
    related: Iterable[Mapping[str, Any]] = repeat({})
    if rows and not is_public_only(selection):
        related = await _fetch_related(context, rows, selection)
    return [
        Review(id=ids.encode("Review", row.id), row=row, related=nodes)  # type: ignore[arg-type]
        for row, nodes in zip(rows, related, strict=False)
    ]


async def _fetch_related(
    context: Context, rows: Sequence[models.Review], selection: Selection
) -> list[dict[str, Any]]:
    viewer = context.viewer
    related_nodes: dict[str, dict[UUID, Any]] = {}
    if "service" in selection:
        rows_by_id = await services.services_by_ids({row.service_id for row in rows})
        related_nodes["service"] = await present_by_id(
            context, "Service", rows_by_id.values(), selection["service"]
        )
    if "vendor" in selection:
        vendor_rows = await services.vendors_by_ids({row.vendor_id for row in rows})
        related_nodes["vendor"] = await present_by_id(
            context, "Vendor", vendor_rows.values(), selection["vendor"]
        )
    if "order" in selection:
        own = await orders.by_ids(viewer, {row.order_id for row in rows})
        related_nodes["order"] = await present_by_id(
            context, "Order", own.values(), selection["order"]
        )
    voted: set[UUID] = set()
    if "viewerHasVoted" in selection:
        voted = await review_lookup.voted_by(viewer, [row.id for row in rows])
    deciders: dict[UUID, models.TeamMember] = {}
    if "decidedBy" in selection.below("moderation"):
        deciders = await review_moderation.decided_by(viewer, [row.id for row in rows])
    insiders = {row.id for row in rows if sees_moderation(viewer, row)}
    pending: dict[UUID, models.PendingVersion] = {}
    if "pendingVersion" in selection:
        pending = await review_versions.pending_of(insiders)
    actions: Mapping[UUID, review_actions.Actions] = {}
    if "viewerCan" in selection:
        actions = await review_actions.allowed(viewer, rows)
    return [
        {
            "service": related_nodes.get("service", {}).get(row.service_id),
            "vendor": related_nodes.get("vendor", {}).get(row.vendor_id),
            "order": related_nodes.get("order", {}).get(row.order_id),
            "voted": row.id in voted,
            "insider": row.id in insiders,
            "author": is_author(viewer, row),
            "pending": PendingVersion.from_row(pending[row.id]) if row.id in pending else None,
            "can": ReviewActions(**actions[row.id]._asdict()) if row.id in actions else None,
            "decided_by": TeamMember.from_row(deciders[row.id]) if row.id in deciders else None,
        }
        for row in rows
    ]
