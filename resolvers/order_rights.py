"""What a feed row may change of a stored order, depending on its key."""

from models import OrderStatus, SiteSettings, clock, review_window, sql
from resolvers.errors import Conflict, Forbidden, Refusal
from resolvers.order_facts import OrderFacts
from resolvers.viewer import Viewer


def is_stale(viewer: Viewer, facts: OrderFacts, stored: sql.Row, *, history: bool) -> bool:
    """Whether the row is older than the stored order, provided that its sender may change it.

    Rows of a vendor's key make no other rows stale. Rows of a file without a date are stale.
    """
    if viewer.vendor not in {None, stored["vendor"]} or stored["updated_at"] is None:
        return False
    if facts.updated_at is None:
        return history
    if stored["updated_by_partner"] and viewer.vendor is None:
        return False
    return bool(facts.updated_at < stored["updated_at"])


def refusal(
    viewer: Viewer, facts: OrderFacts, stored: sql.Row, settings: SiteSettings
) -> Refusal | None:
    """Why the row may not change the stored order; None if it may.

    A reviewed order keeps its vendor and service. Its customer changes only by a hand-over, and
    only by a key that is not bound to a vendor: the reviewed party must not choose the reviewer.
    """
    subject = (facts.vendor.external_id, facts.service.external_id)
    if viewer.vendor not in {None, stored["vendor"]}:
        return Forbidden("external_id", message="This order belongs to another vendor.")
    if stored["is_reviewed"] and subject != (stored["vendor"], stored["service"]):
        return Conflict(message="This order was reviewed: its service and vendor cannot change.")
    if viewer.vendor is not None:
        return _refusal_of_partner(facts, stored, settings)
    if stored["is_reviewed"] and facts.customer.external_id != stored["customer"]:
        return _refusal_of_hand_over(facts)
    return None


def _refusal_of_hand_over(facts: OrderFacts) -> Refusal | None:
    place = ("customer", "external_id")
    if not facts.hand_over:
        message = (
            "This order was reviewed by another customer. Send handOver: true to hand the review"
            " over with it."
        )
        return Conflict(*place, message=message)
    if facts.is_own_service:
        return Conflict(*place, message="Nobody reviews their own service.")
    return None


def _refusal_of_partner(
    facts: OrderFacts, stored: sql.Row, settings: SiteSettings
) -> Refusal | None:
    """The refusal of a row sent with the key of the order's vendor, or None."""
    was_completed = stored["completed_at"] or stored["status"] == OrderStatus.COMPLETED
    moves = facts.customer.external_id != stored["customer"]
    if moves and (stored["is_reviewed"] or was_completed):
        message = "A key of a vendor does not change the customer of an order that was completed."
        return Forbidden("customer", "external_id", message=message)
    if not was_completed:
        return None
    is_open = review_window.is_open(stored["completed_at"], settings, clock.now())
    redated = facts.completed_at not in {None, stored["completed_at"]}
    field: tuple[str, ...]
    if redated and (is_open or review_window.is_open(facts.completed_at, settings, clock.now())):
        field, what = ("completed_at",), "when it was completed"
    elif is_open and facts.service.external_id != stored["service"]:
        field, what = ("service", "external_id"), "what it is of"
    elif facts.status not in _allowed_after_completion(stored["status"], is_open=is_open):
        field, what = ("status",), f"its status to {facts.status}"
    else:
        return None
    message = f"Of an order that was completed, a key of a vendor does not change {what}."
    return Forbidden(*field, message=message)


def _allowed_after_completion(status: str, *, is_open: bool) -> set[OrderStatus]:
    """The statuses that a vendor may give a completed order: none from before its completion."""
    if is_open and status == OrderStatus.COMPLETED:
        return {OrderStatus.COMPLETED, OrderStatus.REFUNDED}
    return {each for each in OrderStatus if each.may_follow_completion}
