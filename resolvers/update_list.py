"""Lists of order updates, of one order or of all visible ones, filtered and sorted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial
from uuid import UUID

from models import OrderUpdate, OrderUpdateStatus
from resolvers.keyset import Page, PageRequest, Sort, newest
from resolvers.ref import Ref
from resolvers.scoped_pages import Run, all_of, between, count_runs, list_runs
from resolvers.update_lookup import LISTING, UPDATES_FIRST
from resolvers.viewer import Condition, Viewer, known_updates, updates_by_party

_NEWEST = newest("u")


class OrderUpdateSort(StrEnum):
    LATEST_ACTIVITY = "LATEST_ACTIVITY"
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"


@dataclass(frozen=True)
class OrderUpdateFilter:
    """Conditions that narrow a list, never widening what the viewer may see; all must hold."""

    order: Ref | None = None
    status: OrderUpdateStatus | None = None
    assignee: Ref | None = None
    unassigned: bool | None = None
    customer_visible: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


async def list_updates(
    viewer: Viewer,
    order_ids: Sequence[UUID | None],
    filter: OrderUpdateFilter,
    sort: OrderUpdateSort,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[OrderUpdate]]:
    """A page for each order (None: for all orders), all in one statement."""
    lists = [
        [
            Run(all_of(part, *narrowing, Condition(known_updates())), tables=UPDATES_FIRST)
            for part in _parts(viewer, order_id, filter)
        ]
        for order_id in order_ids
        for narrowing in [_narrowing(order_id, filter, sort, request)]
    ]
    totals = partial(count_runs, LISTING.tables, "u.id", lists) if count else None
    return await list_runs(LISTING, lists, _sort(viewer, sort), request, totals=totals)


def _parts(viewer: Viewer, order_id: UUID | None, filter: OrderUpdateFilter) -> list[Condition]:
    contradicts_itself = filter.unassigned is True and filter.assignee is not None
    if contradicts_itself or (filter.customer_visible is False and not viewer.is_team):
        return []
    of_one_order = order_id is not None or filter.order is not None
    return updates_by_party(viewer, of_one_order=of_one_order)


def last_activity(viewer: Viewer) -> str:
    """The column of last activity for this viewer: internal notes do not change the customer's."""
    return "team_activity_at" if viewer.is_team else "customer_activity_at"


def _sort(viewer: Viewer, sort: OrderUpdateSort) -> Sort:
    match sort:
        case OrderUpdateSort.NEWEST:
            return _NEWEST
        case OrderUpdateSort.OLDEST:
            return replace(_NEWEST, name="OLDEST", descending=False)
        case OrderUpdateSort.LATEST_ACTIVITY:
            return replace(newest("u", last_activity(viewer)), name="LATEST_ACTIVITY")


def _narrowing(
    order_id: UUID | None,
    filter: OrderUpdateFilter,
    sort: OrderUpdateSort,
    request: PageRequest,
) -> list[Condition]:
    conditions = []
    if order_id is not None:
        conditions.append(Condition("u.order_id = ?", (order_id,)))
    for column, table, ref in (
        ("order_id", "orders", filter.order),
        ("assignee_id", "team_member", filter.assignee),
    ):
        if ref is not None:
            named = ref.id_in(table)
            conditions.append(Condition(f"u.{column} = {named.text}", named.values))
    if filter.status is not None:
        # A literal, not a parameter, so that the planner can choose the index.
        conditions.append(Condition(f"u.status = '{filter.status.value}'"))
    if filter.unassigned is not None:
        negated = "" if filter.unassigned else "NOT "
        conditions.append(Condition(f"u.assignee_id IS {negated}NULL"))
    if filter.customer_visible is not None:
        negated = "" if filter.customer_visible else "NOT "
        conditions.append(Condition(f"{negated}u.customer_visible"))
    period = between(
        "u.created_at",
        filter.created_after,
        filter.created_before,
        request,
        descending=sort is not OrderUpdateSort.OLDEST,
    )
    return [*conditions, *period]
