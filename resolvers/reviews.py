"""Write a review, once for each order, and delete it for good."""

from typing import Any
from uuid import UUID

import mailers
from models import Order, Review, ReviewStatus, SiteSettings, clock, sql
from models.database import transaction
from models.one_round_trip import one_round_trip
from models.review import INSERTED
from models.uuid7 import uuid7
from resolvers import (
    announcements,
    orders,
    rating_counters,
    review_content,
    review_eligibility,
    rights,
    tracking_log,
    user_text,
)
from resolvers.errors import AlreadyReviewed, Conflict, Invalid, NotFound
from resolvers.mistakes import told_at_once
from resolvers.ref import Ref
from resolvers.review_lookup import find_review
from resolvers.viewer import Viewer

MAX_REASON = 1_000
# How often a lost race is looked at again, to tell the loser why.
_TRIES = 3
_STILL = """SELECT id FROM orders
WHERE id = ? AND status = 'COMPLETED' AND customer_id = ? AND vendor_id = ? AND service_id = ?"""
# The loser of a race comes back with no row: the database decides, not an earlier look.
_INSERT = (
    f"INSERT INTO review ({', '.join(INSERTED)}) VALUES ({sql.places(INSERTED)})"
    " ON CONFLICT DO NOTHING RETURNING id"
)


async def create_review(
    viewer: Viewer, *, order: Ref, idempotency_key: str | None = None, **written: Any
) -> Review:
    """Review a completed order, as its customer, once. `written` are the columns of WRITTEN.

    Review, counters and the vendor's notice are one transaction. With moderation on the review is
    PENDING and neither counted nor told. The same `idempotency_key` and input again gives the
    first review.

    Raises what `review_eligibility` says, RatingOutOfRange, BodyTooShort, BodyTooLong, Invalid,
    Conflict (the key was used with another input).
    """
    rights.may_review(viewer)
    given = review_content.whole(written)
    digest = review_content.digest(order, given) if idempotency_key is not None else None
    for _ in range(_TRIES):
        found = await orders.find_with_settings(viewer, order)
        if found is None:
            raise NotFound("order", message="There is no such order, or it is not yours.")
        row, settings = found
        if first := await _first_answer(viewer, row, idempotency_key, digest):
            return first
        review_eligibility.judge(viewer, row, settings, clock.now()).refuse("order")
        with told_at_once() as check:
            cleaned = check(review_content.checked, given)
            if idempotency_key is not None:
                check(user_text.identifier, idempotency_key, "idempotency_key")
        key = {"idempotency_key": idempotency_key, "idempotency_digest": digest}
        review = _new_review(row, settings, {**cleaned, **key})
        if await _written(review, row):
            return review
        # Somebody else was faster: look again, and say what is true now.
    raise AlreadyReviewed("order")


async def _written(review: Review, order: Order) -> bool:
    """Store a new review with all that follows from it; False when its order changed meanwhile."""
    async with one_round_trip() as writes:
        parties = (order.customer_id, order.vendor_id, order.service_id)
        await writes.require(_STILL + writes.lock, order.id, *parties)
        await writes.require(_INSERT, *_values(review))
        because = "the order was reviewed"
        await mailers.withdraw("review.reminder", about=order.id, because=because, writes=writes)
        if review.is_public:
            to = order.vendor
            await mailers.deliver_later("review.received", to=to, about=review, writes=writes)
            await rating_counters.count_in(review, writes=writes)
            await announcements.announce_review(review, writes=writes)
    return writes.done


async def insert(review: Review) -> None:
    """Store a new review, or raise AlreadyReviewed when its order has one."""
    if not await sql.fetch(_INSERT, *_values(review)):
        raise AlreadyReviewed("order")


def _values(review: Review) -> list[Any]:
    return [getattr(review, name) for name in INSERTED]


async def delete_review(viewer: Viewer, *, review_id: UUID, reason: str) -> UUID:
    """Delete a review for good, as an admin. The order cannot be reviewed again.

    The row stays, hidden from everybody, and the log keeps who did it and why.
    Raises Unauthenticated, Forbidden, Invalid (no reason), NotFound.
    """
    viewer.must_be_admin()
    async with transaction():
        review = await find_review(viewer, review_id, lock=True)
        if review is None:
            raise NotFound("review_id", message="There is no such review.")
        why = required_reason(reason)
        await Review.filter(id=review.id).update(deleted_at=clock.now())
        await tracking_log.record(viewer, "review.deleted", about=review, reason=why)
        await mailers.withdraw_all(about=review.id, because="it was deleted")
        if review.is_public:
            await rating_counters.count_out(review)
    return review.id


def required_reason(reason: str) -> str:
    """A reason in words, for the log. Raises Invalid when it says nothing."""
    why = user_text.plain(reason)
    if not 1 <= len(why) <= MAX_REASON:
        raise Invalid("reason", message=f"Give a reason of 1 to {MAX_REASON:,} characters.")
    return why


def _new_review(order: Order, settings: SiteSettings, given: dict[str, Any]) -> Review:
    now = clock.now()
    held = settings.review_moderation
    return sql.fresh(
        Review,
        id=uuid7(),
        order_id=order.id,
        service_id=order.service_id,
        vendor_id=order.vendor_id,
        customer_id=order.customer_id,
        **given,
        body_folded=review_content.folded(given),
        verified=True,
        status=ReviewStatus.PENDING if held else ReviewStatus.APPROVED,
        created_at=now,
        published_at=None if held else now,
        author_name=order.customer.display_name,
        author_external_id=order.customer.external_id,
    )


async def _first_answer(
    viewer: Viewer, order: Order, key: str | None, digest: str | None
) -> Review | None:
    """The review that this person's key already made; Conflict when it came with other input."""
    if key is None or not user_text.is_identifier(key):  # which no review has
        return None
    if not review_eligibility.is_customer(viewer, order):
        return None
    row = await Review.get_or_none(customer_id=order.customer_id, idempotency_key=key)
    if row is None:
        return None
    if row.idempotency_digest != digest:
        raise Conflict(
            "idempotency_key", message="This idempotency key was used with another input."
        )
    return await find_review(viewer, row.id)
