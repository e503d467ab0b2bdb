"""Services with their ratings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

import models
from resolvers import services
from resolvers.keyset import Page, PageRequest
from resolvers.review_list import ReviewSort, Scope
from resolvers.service_standing import ServiceStanding
from resolvers.service_standing import standing as standing_of
from resolvers.services import ServiceSort
from resolvers.text_search import MAX_SEARCH
from resolvers.viewer import Viewer
from schema import ids, json_ld
from schema.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    PageNumber,
    connection,
    page_request,
    wants_total,
)
from schema.context import Context
from schema.fetch import present_by_id, presenter
from schema.node import Node, maybe_ref
from schema.rating_summary import RatingSummary
from schema.references import VendorRef
from schema.review import Review
from schema.review_page import ReviewFilter, review_page
from schema.selection import Selection, selected

if TYPE_CHECKING:
    from schema.vendor import Vendor

ReviewFilterArgument = Annotated[
    ReviewFilter | None, strawberry.argument(description="Narrows the list.")
]
ReviewOrderArgument = Annotated[
    ReviewSort, strawberry.argument(description="How the list is ordered.")
]


@strawberry.type(description="What is sold and reviewed: a service of one vendor. Public.")
class Service(Node):
    key: strawberry.Private[UUID]
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    title: str = strawberry.field(description="Its title; plain text.")
    url: str | None = strawberry.field(description="Its page in the storefront, if known.")
    vendor: Annotated["Vendor", strawberry.lazy("schema.vendor")] = strawberry.field(
        description="Who sells it now."
    )
    rating_summary: RatingSummary = strawberry.field(
        description="Its rating, from its approved reviews."
    )
    standing: ServiceStanding = strawberry.field(
        description="What its published average earns it in rankings."
    )
    json_ld: str | None = strawberry.field(
        description=(
            "schema.org Product with AggregateRating as JSON, escaped so that it can stand in a"
            ' `<script type="application/ld+json">`; null when nothing is rated.'
        )
    )

    @strawberry.field(description="Its reviews, as far as you may see them.")
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
        scope = Scope("service", self.key)
        return await review_page(info.context, scope, filter, order_by, request, selected(info))

    @classmethod
    def from_row(cls, row: models.Service, selection: Selection, vendor: Any = None) -> "Service":
        """Costly fields are computed only if selected."""
        return cls(
            id=strawberry.ID(ids.encode("Service", row.id)),
            key=row.id,
            external_id=row.external_id,
            title=row.title,
            url=row.url,
            vendor=vendor,
            rating_summary=RatingSummary(tally=row.tally),
            standing=standing_of(row.tally),
            json_ld=json_ld.aggregate_rating(row.title, row.url, row.tally)
            if "jsonLd" in selection
            else None,
        )


@presenter("Service", lambda _, ids: services.services_by_ids(ids))
async def present_services(
    context: Context, rows: Sequence[models.Service], selection: Selection
) -> list[Service]:
    """Services with everything selected below them, in a constant number of statements."""
    vendors: dict[UUID, Any] = {}
    if rows and "vendor" in selection:
        rows_by_id = await services.vendors_by_ids({row.vendor_id for row in rows})
        vendors = await present_by_id(context, "Vendor", rows_by_id.values(), selection["vendor"])
    return [Service.from_row(row, selection, vendors.get(row.vendor_id)) for row in rows]


@strawberry.input(description="Narrows a list of services; everything given must hold.")
class ServiceFilter:
    vendor: VendorRef | None = strawberry.field(default=None, description="Sold by this vendor.")
    standing: ServiceStanding | None = strawberry.field(
        default=None, description="With this standing. HIDDEN finds the hidden ones in any order."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Whose title holds these words as typed, case ignored;"
        f" {MAX_SEARCH} characters at most.",
    )
    include_hidden: bool = strawberry.field(
        default=False, description="Leave the hidden ones in, also in RANKING order."
    )


async def service_page(
    context: Context,
    vendor_id: UUID | None,
    filter: ServiceFilter | None,
    order_by: ServiceSort,
    request: PageRequest,
    selection: Selection,
) -> Connection[Service]:
    """A connection of services. Several requested in the same tick share one statement."""
    given = filter or ServiceFilter()
    narrowed = services.ServiceFilter(
        vendor=maybe_ref(given.vendor, "Vendor", "filter", "vendor"),
        standing=given.standing,
        search=given.search,
        include_hidden=given.include_hidden,
    )
    count = wants_total(selection)
    page = await context.page(_fetch, vendor_id, narrowed, order_by, request, count)
    nodes = await present_services(context, page.rows, selection.items_of_page())
    return connection(page, nodes)


async def _fetch(
    viewer: Viewer,
    vendor_ids: Sequence[UUID | None],
    filter: services.ServiceFilter,
    order: ServiceSort,
    request: PageRequest,
    count: bool,
) -> Sequence[Page[models.Service]]:
    return await services.list_services(viewer, vendor_ids, filter, order, request, count=count)
