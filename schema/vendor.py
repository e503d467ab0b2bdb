"""Vendors with their ratings and levels."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

import models
from resolvers import service_standing, services
from resolvers.review_list import ReviewSort, Scope
from resolvers.services import ServiceSort
from schema import ids
from schema.connection import After, Before, Connection, First, Last, PageNumber, page_request
from schema.context import Context
from schema.fetch import presenter
from schema.node import Node
from schema.rating_summary import RatingSummary, stars
from schema.review import Review
from schema.review_page import review_page
from schema.selection import Selection, selected
from schema.service import (
    ReviewFilterArgument,
    ReviewOrderArgument,
    Service,
    ServiceFilter,
    service_page,
)

ServiceOrderArgument = Annotated[
    ServiceSort, strawberry.argument(description="How the list is ordered.")
]


@strawberry.type(description="The next seller level and what is missing to it.")
class LevelProgress:
    next: service_standing.SellerLevel | None = strawberry.field(
        description="The next level; null for a top seller."
    )
    min_average: float | None = strawberry.field(
        description="The average that the next level asks for, in stars; null at the top."
    )
    min_reviews: int | None = strawberry.field(
        description="The number of reviews that the next level asks for; null at the top."
    )
    missing_average: float = strawberry.field(
        description="How many stars the average lacks; 0 when it is high enough."
    )
    missing_reviews: int = strawberry.field(
        description="How many reviews are lacking; 0 when there are enough."
    )

    @classmethod
    def of(cls, progress: service_standing.Progress) -> "LevelProgress":
        return cls(
            next=progress.next,
            min_average=stars(progress.min_hundredths),
            min_reviews=progress.min_reviews,
            missing_average=progress.missing_hundredths / 100,
            missing_reviews=progress.missing_reviews,
        )


@strawberry.type(description="Who sells services on the marketplace. Public.")
class Vendor(Node):
    key: strawberry.Private[UUID]
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    display_name: str = strawberry.field(description="Its name; plain text.")
    rating_summary: RatingSummary = strawberry.field(
        description="Its rating over all its services, from raw counts: never a mean of means."
    )
    level: service_standing.SellerLevel = strawberry.field(
        description="What its rating has reached, computed when asked (`Settings.sellerLevels`)."
    )
    level_progress: LevelProgress = strawberry.field(
        description="What is missing to the next level."
    )

    @strawberry.field(
        description=(
            "Its services with their ratings: the breakdown of its own rating. Complete: in RANKING"
            " order the hidden ones come last."
        )
    )
    async def services(
        self,
        info: Info[Context, None],
        order_by: ServiceOrderArgument = ServiceSort.RANKING,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Service]:
        request = page_request(first, after, last, before)
        complete = ServiceFilter(include_hidden=True)
        return await service_page(
            info.context, self.key, complete, order_by, request, selected(info)
        )

    @strawberry.field(description="Reviews of its orders, as far as you may see them.")
    async def reviews(
        self,
        info: Info[Context, None],
        filter: ReviewFilterArgument = None,
        order_by: ReviewOrderArgument = ReviewSort.NEWEST,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        page: PageNumber = None,
    ) -> Connection[Review]:
        request = page_request(first, after, last, before, page)
        scope = Scope("vendor", self.key)
        return await review_page(info.context, scope, filter, order_by, request, selected(info))

    @classmethod
    def from_row(cls, row: models.Vendor, settings: models.SiteSettings | None) -> "Vendor":
        """`settings` is None if no level is selected."""
        return cls(
            id=strawberry.ID(ids.encode("Vendor", row.id)),
            key=row.id,
            external_id=row.external_id,
            display_name=row.display_name,
            rating_summary=RatingSummary(tally=row.tally),
            level=_unless_none(settings, lambda s: service_standing.level(row.tally, s)),
            level_progress=_unless_none(
                settings, lambda s: LevelProgress.of(service_standing.progress(row.tally, s))
            ),
        )


@presenter("Vendor", lambda _, ids: services.vendors_by_ids(ids))
async def present_vendors(
    context: Context, rows: Sequence[models.Vendor], selection: Selection
) -> list[Vendor]:
    """Vendors with everything selected below them, in a constant number of statements."""
    levels = bool(rows) and not selection.keys().isdisjoint({"level", "levelProgress"})
    settings = await context.settings() if levels else None
    return [Vendor.from_row(row, settings) for row in rows]


def _unless_none(settings: models.SiteSettings | None, compute: Any) -> Any:
    return None if settings is None else compute(settings)
