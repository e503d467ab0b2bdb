"""What a viewer may do with reviews, by the rules of the mutations."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from models import Order, Review, SiteSettings, Vendor, clock
from resolvers import (
    orders,
    review_edit_rule,
    review_replies,
    review_votes,
    rights,
    services,
    site_settings,
)
from resolvers.errors import Refusal
from resolvers.viewer import PUBLIC_ONLY_ROLES, Viewer, is_author


class Actions(NamedTuple):
    """Whether the viewer may do each of these with a review now."""

    edit: bool = False
    reply: bool = False
    vote: bool = False
    report: bool = False
    moderate: bool = False
    delete: bool = False


async def allowed(viewer: Viewer, reviews: Sequence[Review]) -> Mapping[UUID, Actions]:
    """What the viewer may do with each review, by its id, in a constant number of statements."""
    if not reviews or viewer.role in PUBLIC_ONLY_ROLES:
        return {review.id: Actions() for review in reviews}
    settings = await site_settings.current()
    vendors = await services.vendors_by_ids({review.vendor_id for review in reviews})
    own = {review.order_id for review in reviews if is_author(viewer, review)}
    own_orders = await orders.by_ids(viewer, own)
    return {
        review.id: Actions(
            edit=_may_edit(viewer, review, own_orders.get(review.order_id), settings),
            reply=_passes(review_replies.check_reply, viewer, review, vendors[review.vendor_id]),
            vote=_passes(
                review_votes.check_vote, viewer, review, vendors[review.vendor_id], settings
            ),
            moderate=_passes(rights.may_moderate, viewer),
            delete=_passes(rights.may_administer, viewer),
        )
        for review in reviews
    }


def _may_edit(viewer: Viewer, review: Review, order: Order | None, settings: SiteSettings) -> bool:
    if viewer.is_admin:
        return True
    return order is not None and review_edit_rule.may_still_edit(
        viewer, review, order, settings, clock.now()
    )


def _passes(check: Callable[..., None], *given: Viewer | Review | Vendor | SiteSettings) -> bool:
    try:
        check(*given)
    except Refusal:
        return False
    return True
