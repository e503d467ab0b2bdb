"""Create a review, once per order, and delete it permanently."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import mailers
from models import Customer, Order, Review, ReviewStatus, SiteSettings, clock, sql
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
    review_versions,
    rights,
    site_settings,
    team_notices,
    tracking_log,
    user_text,
)
from resolvers.errors import AlreadyReviewed, Conflict, Invalid, NotFound
from resolvers.ref import Ref
from resolvers.refusals import collect_refusals
from resolvers.review_lookup import find_review
from resolvers.viewer import Viewer

MAX_REASON = 1_000
# After a lost race the rules are checked again, to refuse with the right reason.
_ATTEMPTS = 3
_UNCHANGED = """SELECT id FROM orders
WHERE id = ? AND status = 'COMPLETED' AND customer_id = ? AND vendor_id = ? AND service_id = ?"""
# Returns no row to the loser of a race: the unique index decides, not an earlier read.
_INSERT = f"{sql.insertion('review', INSERTED)} RETURNING id"


async def create_review(
    viewer: Viewer, *, order: Ref, idempotency_key: str | None = None, **written: Any
) -> Review:
    """Review a completed order, as its customer, once. `written` are the columns of WRITTEN.

    One transaction stores the review, its counters and the vendor's mail. With moderation on, the
    review is PENDING, without counters, and those who decide are told. The same `idempotency_key`
    and input again return the first review.

    Raises the refusals of `review_eligibility`, RatingOutOfRange, BodyTooShort, BodyTooLong,
    Invalid, Conflict (the key was used with another input).
    """
    rights.may_review(viewer)
    given = review_content.whole(written)
    digest = review_content.digest(order, given) if idempotency_key is not None else None
    for _ in range(_ATTEMPTS):
        order_and_settings = await orders.find_with_settings(viewer, order)
        if order_and_settings is None:
            raise NotFound("order", message="There is no such order, or it is not yours.")
        row, settings = order_and_settings
        if earlier := await _earlier_review(viewer, row, idempotency_key, digest):
            return earlier
        review_eligibility.judge(viewer, row, settings, clock.now()).raise_if_refused("order")
        with collect_refusals() as check:
            cleaned = check(review_content.checked, given)
            if idempotency_key is not None:
                check(user_text.identifier, idempotency_key, "idempotency_key")
        key = {"idempotency_key": idempotency_key, "idempotency_digest": digest}
        review = _new_review(row, settings, {**cleaned, **key})
        if await _store(review, row):
            return review
        # Another writer won the race: check the rules again, which gives the right refusal.
    raise AlreadyReviewed("order")


async def _store(review: Review, order: Order) -> bool:
    """Store the review and what follows from it; False if the order changed meanwhile."""
    if review.is_public:
        return await _insert(review, order)
    async with transaction():
        stored = await _insert(review, order)
        if stored:
            settings, actor = await site_settings.current(), review.author_external_id
            await team_notices.tell_of_waiting([review], settings, actor=actor)
    return stored


async def _insert(review: Review, order: Order) -> bool:
    """Insert the review, promise the mail and update the counters; False if the order changed."""
    async with one_round_trip() as writes:
        parties = (order.customer_id, order.vendor_id, order.service_id)
        await writes.require(_UNCHANGED + writes.lock, order.id, *parties)
        await writes.require(_INSERT, *_values(review))
        because = "the order was reviewed"
        await mailers.withdraw("review.reminder", about=order.id, because=because, writes=writes)
        if review.is_public:
            to = order.vendor
            await mailers.deliver_later("review.received", to=to, about=review, writes=writes)
            await rating_counters.count_in(review, writes=writes)
            await announcements.announce_review(review, writes=writes)
    return writes.done


async def insert_all(reviews: Sequence[Review]) -> list[Review]:
    """Insert new reviews of different orders; those whose order has none from another writer."""
    stored = await sql.insert_new("review", INSERTED, [_values(review) for review in reviews])
    return [review for review in reviews if review.id in stored]


def _values(review: Review) -> list[Any]:
    return [getattr(review, name) for name in INSERTED]


async def delete_review(viewer: Viewer, *, review_id: UUID, reason: str) -> UUID:
    """Delete a review permanently, as an admin. The order cannot be reviewed again.

    The row is kept, hidden from everybody; the tracking log keeps who deleted it and why. Its
    author is told, with the reason.
    Raises Unauthenticated, Forbidden, Invalid (no reason), NotFound.
    """
    viewer.must_be_admin()
    async with transaction():
        review = await find_review(viewer, review_id, lock=True)
        if review is None:
            raise NotFound("review_id", message="There is no such review.")
        why = required_reason(reason)
        await Review.filter(id=review.id).update(deleted_at=clock.now())
        await review_versions.end_waiting(review.id)
        await tracking_log.record(viewer, "review.deleted", about=review, reason=why)
        await mailers.withdraw_all(about=review.id, because="it was deleted")
        if review.author_external_id != viewer.external_id:
            author = await Customer.get(id=review.customer_id)
            await mailers.deliver_later("review.deleted", to=author, about=review, reason=why)
        if review.is_public:
            await rating_counters.count_out(review)
    return review.id


def required_reason(reason: str) -> str:
    """The reason as stored in the tracking log. Raises Invalid if it is blank or too long."""
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


async def _earlier_review(
    viewer: Viewer, order: Order, key: str | None, digest: str | None
) -> Review | None:
    """The review that this person created with the key. Raises Conflict for another input."""
    if key is None or not user_text.is_identifier(key):  # an invalid key is stored nowhere
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
