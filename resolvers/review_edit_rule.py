"""Whether an author may still edit a review: one rule, shared by the query and the mutation."""

from datetime import datetime

from models import Order, OrderStatus, Review, SiteSettings, review_window
from resolvers import review_eligibility
from resolvers.errors import OrderDisputed, Refusal, WindowClosed
from resolvers.viewer import Viewer


def must_still_edit(
    viewer: Viewer, review: Review, order: Order, settings: SiteSettings, now: datetime
) -> None:
    """Raise the refusal if the viewer is not the customer who may edit the review now.

    Refunds and cancellations freeze nothing; an open dispute does.
    """
    if (refusal := _refusal(viewer, review, order, settings, now)) is not None:
        raise refusal


def may_still_edit(
    viewer: Viewer, review: Review, order: Order, settings: SiteSettings, now: datetime
) -> bool:
    """Whether the viewer is the customer who may edit the review now."""
    return _refusal(viewer, review, order, settings, now) is None


def _refusal(
    viewer: Viewer, review: Review, order: Order, settings: SiteSettings, now: datetime
) -> Refusal | None:
    if (reason := review_eligibility.reason_against(viewer, order)) is not None:
        return reason.refusal("review_id")
    if order.status is OrderStatus.DISPUTED:
        return OrderDisputed("review_id")
    until = review_window.edit_deadline(review.published_at, settings)
    if until is not None and not until.is_open(now):
        message = f"The time to edit this review ended with {until.last_day.isoformat()}."
        return WindowClosed("review_id", message=message)
    return None
