"""All queries: the table of contents."""

from typing import Annotated

import strawberry
from strawberry import Info

from models.rating_tally import Tally
from resolvers import orders as found_orders
from resolvers import review_eligibility as eligibility
from resolvers import services as found_services
from resolvers.errors import Invalid
from resolvers.ref import Ref
from resolvers.review_list import ReviewSort, Scope
from resolvers.services import ServiceSort
from schema import ids as node_ids
from schema.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    PageNumber,
    page_request,
)
from schema.context import Context
from schema.fetch import fetch, fetch_one, present_one
from schema.mail_query import MailQuery
from schema.node import Id, Node, NodeRef
from schema.order import Order, ReviewEligibility, present_eligibilities
from schema.rating_summary import RatingSummary
from schema.references import Of
from schema.review import Review
from schema.review_page import review_page
from schema.review_policy import ReviewPolicy
from schema.selection import selected
from schema.service import (
    ReviewFilterArgument,
    ReviewOrderArgument,
    Service,
    ServiceFilter,
    service_page,
)
from schema.settings import Settings
from schema.update_query import UpdateQuery
from schema.vendor import ServiceOrderArgument, Vendor
from schema.viewer import Viewer

MAX_NODES = 100

Ids = Annotated[
    list[strawberry.ID], strawberry.argument(description=f"Ids of this API, {MAX_NODES} at most.")
]
ServiceRef = Annotated[NodeRef, Of("Service"), strawberry.argument(description="Which service.")]
VendorRef = Annotated[NodeRef, Of("Vendor"), strawberry.argument(description="Which vendor.")]
OrderRef = Annotated[NodeRef, Of("Order"), strawberry.argument(description="Which order.")]
ServiceRefs = Annotated[
    list[NodeRef] | None,
    Of("Service"),
    strawberry.argument(description="Services; answered first."),
]
VendorRefs = Annotated[
    list[NodeRef] | None,
    Of("Vendor"),
    strawberry.argument(description="Vendors; answered after the services."),
]
ServiceFilterArgument = Annotated[
    ServiceFilter | None, strawberry.argument(description="Narrows the list.")
]


@strawberry.type(description="What can be read. What you may not see does not exist for you.")
class Query(UpdateQuery, MailQuery):
    @strawberry.field(
        description="A thing of any type by its id; null when it is not there for you."
    )
    async def node(self, info: Info[Context, None], id: Id) -> Node | None:
        return await fetch_one(info.context, *node_ids.decode(id, "id"), selected(info))  # type: ignore[no-any-return]

    @strawberry.field(
        description="Things of any types by their ids, in their order; null for those not there."
    )
    async def nodes(self, info: Info[Context, None], ids: Ids) -> list[Node | None]:
        if len(ids) > MAX_NODES:
            raise Invalid("ids", message=f"Ask for {MAX_NODES} ids at most at once.")
        keys = [node_ids.decode(each, "ids", str(place)) for place, each in enumerate(ids)]
        return await fetch(info.context, keys, selected(info))

    @strawberry.field(description="Who the server takes you for, and your inbox.")
    def viewer(self, info: Info[Context, None]) -> Viewer:
        return Viewer.of(info.context)

    @strawberry.field(description="What the site's admin decides.")
    async def settings(self, info: Info[Context, None]) -> Settings:
        return Settings.from_row(await info.context.settings(), info.context.viewer)

    @strawberry.field(description="How reviews are verified, moderated, ordered and scored here.")
    async def review_policy(self, info: Info[Context, None]) -> ReviewPolicy:
        return ReviewPolicy.of(await info.context.settings())

    @strawberry.field(description="A service; null when there is none of this name.")
    async def service(self, info: Info[Context, None], ref: ServiceRef) -> Service | None:
        row = await found_services.find_service(ref.as_ref("Service", "ref"))
        if row is None:
            return None
        return await present_one(info.context, "Service", row, selected(info))  # type: ignore[no-any-return]

    @strawberry.field(description="The services of all vendors.")
    async def services(
        self,
        info: Info[Context, None],
        filter: ServiceFilterArgument = None,
        order_by: ServiceOrderArgument = ServiceSort.RANKING,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Service]:
        request = page_request(first, after, last, before)
        return await service_page(info.context, None, filter, order_by, request, selected(info))

    @strawberry.field(description="A vendor; null when there is none of this name.")
    async def vendor(self, info: Info[Context, None], ref: VendorRef) -> Vendor | None:
        row = await found_services.find_vendor(ref.as_ref("Vendor", "ref"))
        if row is None:
            return None
        return await present_one(info.context, "Vendor", row, selected(info))  # type: ignore[no-any-return]

    @strawberry.field(
        description="An order, for its parties and the team; null for everybody else."
    )
    async def order(self, info: Info[Context, None], ref: OrderRef) -> Order | None:
        row = await found_orders.find_order(info.context.viewer, ref.as_ref("Order", "ref"))
        if row is None:
            return None
        return await present_one(info.context, "Order", row, selected(info))  # type: ignore[no-any-return]

    @strawberry.field(description="A review; null when it is not there for you.")
    async def review(self, info: Info[Context, None], id: Id) -> Review | None:
        key = node_ids.key_of("Review", id, "id")
        return await fetch_one(info.context, "Review", key, selected(info))  # type: ignore[no-any-return]

    @strawberry.field(description="Reviews of the whole site, as far as you may see them.")
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
        return await review_page(info.context, Scope(), filter, order_by, request, selected(info))

    @strawberry.field(
        description="Whether you can review an order now, why not, and until when. Never an error."
    )
    async def review_eligibility(
        self, info: Info[Context, None], order: OrderRef
    ) -> ReviewEligibility:
        verdict = await eligibility.review_eligibility(
            info.context.viewer, order=order.as_ref("Order", "order")
        )
        return (await present_eligibilities(info.context, [verdict], selected(info)))[0]

    @strawberry.field(
        description=(
            f"The ratings of up to {MAX_NODES} services and vendors for a page of cards, in the"
            " order asked for. One that is not known yet is not reviewed: its count is 0. Without a"
            f" credential, {MAX_NODES} external ids fit up to 160 characters each, however they are"
            " escaped."
        )
    )
    async def rating_summaries(
        self, services: ServiceRefs = None, vendors: VendorRefs = None
    ) -> list[RatingSummary]:
        rows = await found_services.counters_by_refs(*refs_of_cards(services, vendors))
        return [RatingSummary(tally=Tally.of(row)) for row in rows]


def refs_of_cards(
    services: list[NodeRef] | None = None, vendors: list[NodeRef] | None = None
) -> list[list[Ref]]:
    """References of services and vendors. Raises Invalid for too many together."""
    named = [
        [ref.as_ref(kind, name, str(place)) for place, ref in enumerate(given or [])]
        for kind, name, given in (
            ("Service", "services", services),
            ("Vendor", "vendors", vendors),
        )
    ]
    if sum(map(len, named)) > MAX_NODES:
        raise Invalid("services", message=f"Ask for {MAX_NODES} ratings at most at once.")
    return named
