"""Whether a viewer may review an order now: one rule, shared by the query and the mutation."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from models import Order, OrderStatus, Review, SiteSettings, clock, review_window
from models.review_window import Window
from resolvers import orders, review_lookup, site_settings
from resolvers.errors import (
    AlreadyReviewed,
    NotFound,
    NotTheCustomer,
    OrderCancelled,
    OrderDisputed,
    OrderNotCompleted,
    OrderRefunded,
    OwnService,
    Refusal,
    Unauthenticated,
    WindowClosed,
)
from resolvers.ref import Ref
from resolvers.viewer import Role, Viewer


class IneligibilityReason(StrEnum):
    """Each with the mutation's refusal, in order of precedence: the first that applies is reported.

    Named after its refusal's code unless it has its own name.
    """

    refusal: type[Refusal]

    def __new__(cls, refusal: type[Refusal], name: str | None = None) -> Self:
        reason = str.__new__(cls, name or refusal.code)
        reason._value_ = name or refusal.code
        reason.refusal = refusal
        return reason

    SIGN_IN_REQUIRED = Unauthenticated, "SIGN_IN_REQUIRED"
    ORDER_NOT_FOUND = NotFound, "ORDER_NOT_FOUND"
    NOT_THE_CUSTOMER = NotTheCustomer
    OWN_SERVICE = OwnService
    ORDER_NOT_COMPLETED = OrderNotCompleted
    ORDER_CANCELLED = OrderCancelled
    ORDER_REFUNDED = OrderRefunded
    ORDER_DISPUTED = OrderDisputed
    ALREADY_REVIEWED = AlreadyReviewed
    WINDOW_CLOSED = WindowClosed


_BY_STATUS = {
    OrderStatus.PENDING: IneligibilityReason.ORDER_NOT_COMPLETED,
    OrderStatus.IN_PROGRESS: IneligibilityReason.ORDER_NOT_COMPLETED,
    OrderStatus.DELIVERED: IneligibilityReason.ORDER_NOT_COMPLETED,
    OrderStatus.CANCELLED: IneligibilityReason.ORDER_CANCELLED,
    OrderStatus.REFUNDED: IneligibilityReason.ORDER_REFUNDED,
    OrderStatus.DISPUTED: IneligibilityReason.ORDER_DISPUTED,
}


@dataclass(frozen=True)
class Eligibility:
    """The verdict, its message, and the review window if there is one."""

    reason: IneligibilityReason | None
    message: str
    window: Window | None = None
    existing_review: Review | None = None

    def raise_if_refused(self, *field: str) -> None:
        """Raise the mutation's refusal if there is a reason against a review."""
        if self.reason is not None:
            raise self.reason.refusal(*field, message=self.message)


async def review_eligibility(viewer: Viewer, *, order: Ref) -> Eligibility:
    """Whether the viewer may review the order now, and until when."""
    if viewer.role is Role.ANONYMOUS:
        return _ineligible(IneligibilityReason.SIGN_IN_REQUIRED)
    row = await orders.find_order(viewer, order)
    if row is None:
        return _ineligible(IneligibilityReason.ORDER_NOT_FOUND)
    return (await of_orders(viewer, [row]))[0]


async def of_orders(viewer: Viewer, rows: list[Order]) -> list[Eligibility]:
    """The verdicts on orders that the viewer may see, in a constant number of statements."""
    settings = await site_settings.current()
    existing = {
        review.order_id: review
        for review in await review_lookup.of_orders(viewer, [row.id for row in rows])
    }
    now = clock.now()
    return [judge(viewer, row, settings, now, existing=existing.get(row.id)) for row in rows]


def judge(
    viewer: Viewer,
    order: Order,
    settings: SiteSettings,
    now: datetime,
    *,
    existing: Review | None = None,
) -> Eligibility:
    """The rule itself; the viewer may see the order, which has its parties and `is_reviewed`."""
    deadline = review_window.deadline(order.completed_at, settings)
    reason = reason_against(viewer, order) or _BY_STATUS.get(order.status)
    if reason is None and order.is_reviewed:
        reason = IneligibilityReason.ALREADY_REVIEWED
    if reason is None and not review_window.is_open(order.completed_at, settings, now):
        reason = IneligibilityReason.WINDOW_CLOSED
    if reason is not None:
        return _ineligible(reason, deadline, existing)
    message = "You can review this order."
    if deadline is not None:
        message = f"You can review this order until the end of {deadline.last_day.isoformat()}."
    return Eligibility(None, message, deadline, existing)


def is_customer(viewer: Viewer, order: Order) -> bool:
    """Whether the viewer is the order's customer, signed in or by the link to this order."""
    if viewer.role is Role.GUEST:
        return viewer.order_id == order.id
    return viewer.is_person and viewer.external_id == order.customer.external_id


def reason_against(viewer: Viewer, order: Order) -> IneligibilityReason | None:
    """Why the viewer is not who may write about the order, whatever its status."""
    if not is_customer(viewer, order):
        return IneligibilityReason.NOT_THE_CUSTOMER
    if order.is_own_service or viewer.sells_as(order.vendor.external_id):
        return IneligibilityReason.OWN_SERVICE
    return None


def _ineligible(
    reason: IneligibilityReason, deadline: Window | None = None, existing: Review | None = None
) -> Eligibility:
    message = reason.refusal().message
    if reason is IneligibilityReason.SIGN_IN_REQUIRED:
        message = "Sign in as the customer of this order."
    elif reason is IneligibilityReason.ORDER_NOT_FOUND:
        message = "There is no such order, or it is not yours."
    elif reason is IneligibilityReason.WINDOW_CLOSED and deadline is not None:
        message = f"The time to review this order ended with {deadline.last_day.isoformat()}."
    return Eligibility(reason, message, deadline, existing)
