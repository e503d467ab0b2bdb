"""Import reviews from another system: they keep their dates, may lack text, and send no mail."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from models import Order, OrderStatus, RejectionReason, Review, ReviewStatus, clock, sql
from models.database import transaction
from models.review import WRITTEN
from models.uuid7 import uuid7
from resolvers import orders, rating_counters, review_content, reviews, user_text
from resolvers.errors import (
    AlreadyReviewed,
    Invalid,
    NotFound,
    OwnService,
    Refusal,
)
from resolvers.order_facts import CLOCK_SKEW, EPOCH
from resolvers.refusals import collect_refusals
from resolvers.viewer import KNOWN_REVIEWS, Viewer


class ImportOutcome(StrEnum):
    CREATED = "CREATED"
    UNCHANGED = "UNCHANGED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class ReviewFacts:
    """One review from another system. `created_at` is aware.

    `written` are columns of WRITTEN; `reason` belongs to a rejection. `verified_purchase` is None
    if the file has no such value; a `service`, by its external id, must be the order's.
    """

    order: str
    written: Mapping[str, Any]
    created_at: datetime
    status: ReviewStatus = ReviewStatus.APPROVED
    reason: RejectionReason | None = None
    verified_purchase: bool | None = None
    service: str | None = None


@dataclass(frozen=True)
class ImportResult:
    """The outcome of a row, and the error of one that was refused or skipped."""

    outcome: ImportOutcome | None
    error: Refusal | None = None


async def import_reviews(
    viewer: Viewer, rows: Sequence[ReviewFacts], *, declared: bool = False
) -> list[ImportResult]:
    """Store reviews of existing orders in one transaction; returns one result per row.

    An order keeps the review it has: the same review again is UNCHANGED, another is SKIPPED. The
    order may have any status. A review is verified if the feed had sent its order, completed by
    the time of the review; with `declared`, the operator vouches for the file. Stars decide
    nothing. The viewer may see all the orders.
    """
    async with transaction():
        orders_by_id = await _orders(viewer, {row.order for row in rows})
        existing = await _existing(orders_by_id)
        services = await services_of({row.order for row in rows if row.service is not None})
        given = [_review_or_refusal(row, orders_by_id, services, declared) for row in rows]
        new: dict[UUID, Review] = {}
        for review in given:
            if isinstance(review, Review) and review.order_id not in existing:
                new.setdefault(review.order_id, review)
        stored = await reviews.insert_all(list(new.values()))
        created = {review.order_id: review for review in stored}
        await rating_counters.count_in(*(review for review in stored if review.is_public))
    return [_result(review, existing, created) for review in given]


def _review_or_refusal(
    row: ReviewFacts, orders_by_id: dict[str, Order], services: Mapping[str, str], declared: bool
) -> Review | Refusal:
    try:
        _check_service(row, services)
        return _review(row, orders_by_id, declared=declared)
    except Refusal as refusal:
        return refusal


def _result(
    review: Review | Refusal, existing: dict[UUID, Review], created: dict[UUID, Review]
) -> ImportResult:
    if isinstance(review, Refusal):
        return ImportResult(None, review)
    stored = existing.get(review.order_id) or created.get(review.order_id)
    if stored is None:  # another writer reviewed the order after our read
        return ImportResult(ImportOutcome.SKIPPED, AlreadyReviewed("order"))
    if stored is review:
        return ImportResult(ImportOutcome.CREATED)
    return _duplicate(stored, review)


def _check_service(row: ReviewFacts, services: Mapping[str, str]) -> None:
    bought = services.get(row.order)
    if row.service is not None and bought is not None and bought != row.service:
        message = f"Order {row.order} is of another service, {bought}."
        raise Invalid("service_id", message=message)


async def services_of(orders: Collection[str]) -> dict[str, str]:
    """The external ids of the services of orders, by theirs; unknown orders are left out."""
    names = sorted(filter(user_text.is_identifier, orders))
    if not names:
        return {}
    rows = await sql.fetch(
        "SELECT o.external_id, s.external_id AS service FROM orders o"
        f" JOIN service s ON s.id = o.service_id WHERE o.external_id IN ({sql.places(names)})",
        *names,
    )
    return {row["external_id"]: row["service"] for row in rows}


async def _orders(viewer: Viewer, external_ids: set[str]) -> dict[str, Order]:
    # No order has another id, and a driver may refuse it.
    names = sorted(filter(user_text.is_identifier, external_ids))
    if not names:
        return {}
    # Locked, so that no order is handed over before its review is stored.
    lock = " ORDER BY external_id FOR SHARE" if sql.is_postgres() else ""
    rows = await sql.fetch(
        f"SELECT id FROM orders WHERE external_id IN ({sql.places(names)}){lock}", *names
    )
    by_id = await orders.by_ids(viewer, [row["id"] for row in rows])
    return {order.external_id: order for order in by_id.values()}


async def _existing(orders_by_id: dict[str, Order]) -> dict[UUID, Review]:
    ids = [order.id for order in orders_by_id.values() if order.is_reviewed]
    if not ids:
        return {}
    stored = await sql.objects(
        Review,
        f"SELECT {sql.columns(Review, 'r')} FROM review r"
        f" WHERE order_id IN ({sql.places(ids)}) AND {KNOWN_REVIEWS}",
        *ids,
    )
    return {review.order_id: review for review in stored}


def _review(row: ReviewFacts, orders_by_id: dict[str, Order], *, declared: bool) -> Review:
    order = orders_by_id.get(row.order)
    if order is None:
        raise NotFound("order_id", message=f"There is no order {row.order}; import orders first.")
    if order.is_own_service:
        raise OwnService("order_id")
    written = _checked(row)
    is_rejected = row.status is ReviewStatus.REJECTED
    return sql.fresh(
        Review,
        id=uuid7(),
        order_id=order.id,
        service_id=order.service_id,
        vendor_id=order.vendor_id,
        customer_id=order.customer_id,
        **written,
        body_folded=review_content.folded(written),
        verified=_is_verified(row, order, declared=declared),
        status=row.status,
        rejection_reason=row.reason or RejectionReason.OTHER if is_rejected else None,
        moderated_at=clock.now() if is_rejected else None,
        created_at=row.created_at,
        published_at=row.created_at if row.status is ReviewStatus.APPROVED else None,
    )


def _checked(row: ReviewFacts) -> dict[str, Any]:
    with collect_refusals() as check:
        given = review_content.whole(row.written)
        written: dict[str, Any] = check(review_content.checked, given, history=True)
        check(_check_date, row.created_at)
        check(_check_reason, row)
    return written


def faults(row: ReviewFacts) -> list[Refusal]:
    """What is wrong with a row, whatever is stored."""
    try:
        _checked(row)
    except Refusal as refusal:
        return refusal.all
    return []


def _check_date(moment: datetime) -> None:
    if moment < EPOCH:
        raise Invalid("created_at", message="A review cannot be older than 1970.")
    if moment > clock.now() + CLOCK_SKEW:
        raise Invalid("created_at", message="A review cannot come from the future.")


def _check_reason(row: ReviewFacts) -> None:
    if row.reason is not None and row.status is not ReviewStatus.REJECTED:
        raise Invalid("reason", message="Only a rejection has a reason.")


def _is_verified(row: ReviewFacts, order: Order, *, declared: bool) -> bool:
    """Whether the feed had sent the order, completed by then, or the operator vouches for it."""
    if order.fed and _was_completed(order, row.created_at):
        return True
    if not declared:
        return False
    if row.verified_purchase is not None:
        return row.verified_purchase
    return order.status is OrderStatus.COMPLETED


def _was_completed(order: Order, moment: datetime) -> bool:
    if order.status is not OrderStatus.COMPLETED:
        return False
    return order.completed_at is None or order.completed_at <= moment


def _duplicate(stored: Review, review: Review) -> ImportResult:
    names = (*WRITTEN, "created_at")
    same = all(getattr(stored, name) == getattr(review, name) for name in names)
    if same and stored.deleted_at is None:
        return ImportResult(ImportOutcome.UNCHANGED)
    return ImportResult(
        ImportOutcome.SKIPPED,
        AlreadyReviewed("order_id", message="This order has another review, which stays."),
    )
