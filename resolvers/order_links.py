"""Links of mails to an order: all of them end at once."""

from uuid import UUID

from models import Order, sql
from models.database import transaction
from resolvers import orders, tracking_log
from resolvers.errors import NotFound
from resolvers.ref import Ref
from resolvers.viewer import Viewer

# A link's token holds the version in 15 bits.
_END = "UPDATE orders SET link_version = link_version % 32767 + 1 WHERE id = ?"


async def end_links(order_id: UUID) -> None:
    """End all links to an order and its updates, in the caller's transaction."""
    await sql.execute(_END, order_id)


async def revoke_links(viewer: Viewer, *, order: Ref) -> Order:
    """End all links to an order, as an admin. Mails that leave from now on have new ones.

    Raises Unauthenticated, Forbidden, NotFound.
    """
    viewer.must_be_admin()
    async with transaction():
        row = await orders.find_order(viewer, order, lock=True)
        if row is None:
            raise NotFound("order", message="There is no such order.")
        await end_links(row.id)
        await tracking_log.record(viewer, "links.revoked", about=row)
    return row
