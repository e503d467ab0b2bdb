"""Guests: callers who came by a signed link of a mail, for one order or update only."""

from mailers.letters.signed_links import BadLink, Claim, Purpose
from models import Order, OrderUpdate
from resolvers.viewer import Role, Viewer


class RevokedLink(BadLink):
    """The link was revoked, or its order or update is gone."""


async def guest_of(claim: Claim) -> Viewer:
    """The viewer of a signed link.

    Raises RevokedLink if the order's link version has changed, or if the purpose is no visit.
    """
    if claim.purpose is Purpose.REVIEW:
        return await _of_order(claim)
    if claim.purpose is Purpose.RATE_UPDATE:
        return await _of_update(claim)
    raise RevokedLink


async def _of_order(claim: Claim) -> Viewer:
    order = await Order.get_or_none(id=claim.subject)
    if order is None or order.link_version != claim.version:
        raise RevokedLink
    return Viewer(Role.GUEST, order_id=order.id)


async def _of_update(claim: Claim) -> Viewer:
    update = await OrderUpdate.get_or_none(id=claim.subject).select_related("order")
    if update is None or update.order.link_version != claim.version:
        raise RevokedLink
    return Viewer(Role.GUEST, update_id=update.id, solve_number=claim.number)
