"""Look up orders that the viewer may see."""

from collections.abc import Collection
from functools import cache
from uuid import UUID

from models import Customer, Order, OrderUpdate, SiteSettings, Vendor, sql
from models.person import ADDRESSED
from resolvers.ref import Ref
from resolvers.viewer import Viewer, visible_orders

_PERSON = ("id", *ADDRESSED)
_COLUMNS = f"""{sql.columns(Order, "o")}, {sql.columns(Customer, "c", "customer_", only=_PERSON)},
  {sql.columns(Vendor, "v", "vendor_", only=_PERSON)},
  EXISTS (SELECT 1 FROM review WHERE review.order_id = o.id) AS is_reviewed"""
_TYPES = (
    sql.types_of(Order, is_reviewed=bool)
    | sql.types_of(Customer, "customer_")
    | sql.types_of(Vendor, "vendor_")
    | sql.types_of(SiteSettings, "settings_")
)
_FROM = "orders o JOIN customer c ON c.id = o.customer_id JOIN vendor v ON v.id = o.vendor_id"
_SELECT = f"SELECT {_COLUMNS} FROM {_FROM}"
# The settings that decide whether an order may be reviewed, and how.
_REVIEW_SETTINGS = ("key", "review_window_days", "time_zone", "review_moderation")
_SELECT_WITH_SETTINGS = (
    f"SELECT {_COLUMNS}, {sql.columns(SiteSettings, 'z', 'settings_', only=_REVIEW_SETTINGS)}"
    f" FROM {_FROM} LEFT JOIN site_settings z ON z.key = 'site'"
)


async def find_order(viewer: Viewer, ref: Ref, *, lock: bool = False) -> Order | None:
    """The order, with its customer and vendor, if the viewer is a party to it.

    `lock` locks the order against other writers until the caller's transaction ends.
    """
    named, visible = ref.names("o"), visible_orders(viewer)
    locks = lock and sql.is_postgres()
    statement = (
        f"{_SELECT} WHERE {named.text} AND {visible.text}{' FOR UPDATE OF o' if locks else ''}"
    )
    rows = await sql.fetch(statement, *named.values, *visible.values, types=_TYPES)
    if locks and not rows:
        # After a lock wait PostgreSQL joins the new order with the old parties: read again.
        rows = await sql.fetch(statement, *named.values, *visible.values, types=_TYPES)
    return _order(rows[0]) if rows else None


async def find_with_settings(viewer: Viewer, ref: Ref) -> tuple[Order, SiteSettings] | None:
    """The order, if the viewer is a party to it, with the settings that decide about a review."""
    named, visible = ref.names("o"), visible_orders(viewer)
    rows = await sql.fetch(
        f"{_SELECT_WITH_SETTINGS} WHERE {named.text} AND {visible.text}",
        *named.values,
        *visible.values,
        types=_TYPES,
    )
    if not rows:
        return None
    row = rows[0]
    stored = row["settings_key"] is not None
    return _order(row), sql.joined(SiteSettings, row, "settings_") if stored else _defaults()


@cache
def _defaults() -> SiteSettings:
    """The settings until an admin changes one. Shared: do not modify."""
    return SiteSettings()


async def hold(order_id: UUID) -> None:
    """Lock the order against other writers until the caller's transaction ends."""
    if sql.is_postgres():
        await sql.fetch("SELECT id FROM orders WHERE id = ? FOR UPDATE", order_id)


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Order]:
    """The orders that the viewer is a party to, by their ids; others are left out."""
    if not ids:
        return {}
    visible = visible_orders(viewer)
    statement = f"{_SELECT} WHERE o.id IN ({sql.places(ids)}) AND {visible.text}"
    rows = await sql.fetch(statement, *ids, *visible.values, types=_TYPES)
    return {row["id"]: _order(row) for row in rows}


async def of_updates(updates: Collection[OrderUpdate]) -> dict[UUID, Order]:
    """The orders of updates that the caller may see, by the order's id.

    Whoever may see an update may see its order, even with a link to the update only.
    """
    ids = {update.order_id for update in updates}
    if not ids:
        return {}
    statement = f"{_SELECT} WHERE o.id IN ({sql.places(ids)})"
    rows = await sql.fetch(statement, *ids, types=_TYPES)
    return {row["id"]: _order(row) for row in rows}


def _order(row: sql.Row) -> Order:
    row["_customer"] = sql.joined(Customer, row, "customer_")
    row["_vendor"] = sql.joined(Vendor, row, "vendor_")
    return sql.hydrate(Order, [row])[0]
