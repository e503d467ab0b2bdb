"""Look up order updates by ids, with the visibility rule in every statement."""

from collections.abc import Collection
from uuid import UUID

from models import OrderUpdate, UpdateSolve, sql
from resolvers import orders
from resolvers.errors import NotFound, Unauthenticated
from resolvers.scoped_pages import Listing
from resolvers.viewer import Role, Viewer, visible_updates

TABLES = "order_update u JOIN orders o ON o.id = u.order_id"
# SQLite reads them in this order; `visible_updates` joins them.
UPDATES_FIRST = "order_update u CROSS JOIN orders o"
CUSTOMER = "JOIN customer c ON c.id = o.customer_id"
# With the customer's external id, to tell whether the viewer is the order's customer.
_COLUMNS = f"{sql.columns(OrderUpdate, 'u')}, c.external_id AS customer_external_id"
LISTING = Listing(OrderUpdate, _COLUMNS, TABLES, CUSTOMER)


async def find_update(viewer: Viewer, update_id: UUID) -> OrderUpdate | None:
    """The update, if it exists for this viewer."""
    return (await by_ids(viewer, [update_id])).get(update_id)


async def must_find(viewer: Viewer, update_id: UUID, *, hold: bool = False) -> OrderUpdate:
    """The update that a viewer wants to change. Raises Unauthenticated, NotFound.

    `hold` locks its order, so that it is not handed over before the caller's transaction ends.
    """
    if viewer.role is Role.ANONYMOUS:
        raise Unauthenticated("update_id")
    update = await find_update(viewer, update_id)
    if hold and update is not None and sql.is_postgres():
        await orders.hold(update.order_id)
        update = await find_update(viewer, update_id)  # a hand-over may have committed meanwhile
    if update is None:
        raise NotFound("update_id", message="There is no such update.")
    return update


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, OrderUpdate]:
    """The updates that exist for this viewer, by their ids."""
    if not ids:
        return {}
    visible = visible_updates(viewer)
    statement = (
        f"SELECT {_COLUMNS} FROM {TABLES} {CUSTOMER}"
        f" WHERE u.id IN ({sql.places(ids)}) AND {visible.text}"
    )
    updates = await sql.objects(OrderUpdate, statement, *ids, *visible.values)
    return {update.id: update for update in updates}


async def ratings_of(ids: Collection[UUID]) -> dict[UUID, UpdateSolve]:
    """The rated solves of updates that exist for the caller, by the update's id."""
    if not ids:
        return {}
    solves = await sql.objects(
        UpdateSolve,
        f"SELECT {sql.columns(UpdateSolve, 's')} FROM update_solve s"
        f" WHERE s.update_id IN ({sql.places(ids)}) AND s.stars IS NOT NULL",
        *ids,
    )
    return {solve.update_id: solve for solve in solves}
