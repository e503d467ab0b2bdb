"""Orders that change hands: a guest opened an account, or an order number was used twice."""

import mailers
from models import Customer, Order, sql
from resolvers import order_links, tracking_log
from resolvers.viewer import Viewer

_REVIEW = """
UPDATE review SET customer_id = ?, idempotency_key = NULL, idempotency_digest = NULL
WHERE order_id = ? RETURNING id"""
_OWN_VOTE = "DELETE FROM review_vote WHERE review_id = ? AND person = ? RETURNING id"
_UNCOUNT = "UPDATE review SET helpful_count = helpful_count - 1 WHERE id = ?"
_UPDATES = "SELECT id FROM order_update WHERE order_id = ?"


async def hand_over(viewer: Viewer, order: sql.Row, *, to: Customer) -> None:
    """Move a stored order's review, notifications and promised mails to its new customer.

    All links to the order become invalid. A vote of the new customer for the review is withdrawn.
    The caller owns the transaction, has locked the order and has stored its new customer.
    """
    await order_links.end_links(order["id"])
    reviews = [row["id"] for row in await sql.fetch(_REVIEW, to.id, order["id"])]
    for review_id in reviews:
        if await sql.fetch(_OWN_VOTE, review_id, to.external_id):
            await sql.execute(_UNCOUNT, review_id)
    updates = [row["id"] for row in await sql.fetch(_UPDATES, order["id"])]
    about = [order["id"], *reviews, *updates]
    await mailers.readdress(order["customer"], to, about=about)
    ids = {"from": order["customer"], "to": to.external_id}
    await tracking_log.record(viewer, "order.handed_over", about=Order(id=order["id"]), **ids)
