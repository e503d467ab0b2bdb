"""Connections of order updates, and their filter."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry

import models
from models.order_update import OrderUpdateStatus
from resolvers import update_list
from resolvers.keyset import Page, PageRequest
from resolvers.moments import moment
from resolvers.update_list import OrderUpdateSort
from resolvers.viewer import Viewer
from schema.connection import connection, wants_total
from schema.context import Context
from schema.fetch import present
from schema.node import NodeRef, maybe_ref
from schema.references import MemberRef, Of
from schema.selection import Selection


@strawberry.input(
    description=(
        "Narrows a list of updates; everything given must hold. It never widens what you may see."
    )
)
class OrderUpdateFilter:
    order: Annotated[NodeRef, Of("Order", narrows=True)] | None = strawberry.field(
        default=None, description="Of this order."
    )
    status: OrderUpdateStatus | None = strawberry.field(default=None, description="In this state.")
    assignee: MemberRef | None = strawberry.field(
        default=None, description="Assigned to this team member."
    )
    unassigned: bool | None = strawberry.field(
        default=None, description="true: assigned to nobody; false: to anybody."
    )
    customer_visible: bool | None = strawberry.field(
        default=None, description="Seen by the customer, or internal."
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="Opened at this instant or later."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Opened before this instant."
    )


OrderUpdateFilterArgument = Annotated[
    OrderUpdateFilter | None, strawberry.argument(description="Narrows the list.")
]
OrderUpdateOrderArgument = Annotated[
    OrderUpdateSort, strawberry.argument(description="How the list is ordered.")
]


async def update_page(
    context: Context,
    order_id: UUID | None,
    filter: OrderUpdateFilter | None,
    order_by: OrderUpdateSort,
    request: PageRequest,
    selection: Selection,
) -> Any:
    """A connection of updates. Several requested in the same tick share one statement."""
    count = wants_total(selection)
    page = await context.page(_fetch, order_id, _as_filter(filter), order_by, request, count)
    nodes = await present(context, "OrderUpdate", page.rows, selection.items_of_page())
    return connection(page, nodes)


def _as_filter(given: OrderUpdateFilter | None) -> update_list.OrderUpdateFilter:
    if given is None:
        return update_list.OrderUpdateFilter()
    return update_list.OrderUpdateFilter(
        order=maybe_ref(given.order, "Order", "filter", "order"),
        status=given.status,
        assignee=maybe_ref(given.assignee, "TeamMember", "filter", "assignee"),
        unassigned=given.unassigned,
        customer_visible=given.customer_visible,
        created_after=moment(given.created_after, "filter", "created_after"),
        created_before=moment(given.created_before, "filter", "created_before"),
    )


async def _fetch(
    viewer: Viewer,
    order_ids: Sequence[UUID | None],
    filter: update_list.OrderUpdateFilter,
    order: OrderUpdateSort,
    request: PageRequest,
    count: bool,
) -> Sequence[Page[models.OrderUpdate]]:
    return await update_list.list_updates(viewer, order_ids, filter, order, request, count=count)
