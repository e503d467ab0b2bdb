"""An admin's decision on a review. No rule here depends on the stars."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import mailers
from models import Customer, RejectionReason, Review, ReviewStatus, Vendor, clock
from models.database import transaction
from models.review import DECISION
from resolvers import announcements, rating_counters, tracking_log, user_text
from resolvers.errors import Conflict, Invalid, NotFound
from resolvers.frequency import limit_frequency
from resolvers.moments import Moment, moment
from resolvers.refusals import collect_refusals
from resolvers.review_lookup import find_review
from resolvers.viewer import Viewer

MAX_BATCH = 100
MAX_NOTE = 2_000


class Unchecked(Enum):
    """The admin does not say which version they read."""

    UNCHECKED = "UNCHECKED"


UNCHECKED = Unchecked.UNCHECKED


@dataclass(frozen=True)
class Decision:
    """An admin's decision on one review.

    `reason` is required for a rejection and not allowed otherwise; `note` is for admins and the
    author. `expected_edited_at`, if given, must equal the review's `edited_at` (None if it was
    never edited); otherwise it was edited meanwhile.
    """

    status: ReviewStatus
    reason: RejectionReason | None = None
    note: str | None = None
    expected_edited_at: Moment | None | Unchecked = UNCHECKED


async def approve_review(
    viewer: Viewer,
    *,
    review_id: UUID,
    note: str | None = None,
    expected_edited_at: Moment | None | Unchecked = UNCHECKED,
) -> Review:
    """Publish a review. Raises as `decide` does."""
    decision = Decision(ReviewStatus.APPROVED, None, note, expected_edited_at)
    return await _decide(viewer, review_id, decision)


async def reject_review(
    viewer: Viewer,
    *,
    review_id: UUID,
    reason: RejectionReason,
    note: str | None = None,
    expected_edited_at: Moment | None | Unchecked = UNCHECKED,
) -> Review:
    """Reject a review, with a reason that its author will read. Raises as `decide` does."""
    decision = Decision(ReviewStatus.REJECTED, reason, note, expected_edited_at)
    return await _decide(viewer, review_id, decision)


async def decide(viewer: Viewer, *, review_id: UUID, **decision: Any) -> Review:
    """Approve a review, reject it or set it back to PENDING, and update counters and promises.

    `decision` are the fields of Decision. The same decision again changes nothing.
    Raises Unauthenticated, Forbidden, NotFound, Invalid (reason, note, date), Conflict (edited
    meanwhile), TooOften.
    """
    return await _decide(viewer, review_id, Decision(**decision))


async def _decide(viewer: Viewer, review_id: UUID, decision: Decision) -> Review:
    viewer.must_be_admin()
    async with transaction():
        review = await find_review(viewer, review_id, lock=True)
        if review is None:
            raise NotFound("review_id", message="There is no such review.")
        note, expected = _checked(decision)
        if expected not in {UNCHECKED, review.edited_at}:
            raise Conflict("expected_edited_at", message="The review was edited meanwhile.")
        if (review.status, review.rejection_reason, review.moderation_note) == (
            decision.status,
            decision.reason,
            note,
        ):
            return review
        await limit_frequency(viewer, review.order_id, "review_id")
        before, was_published = review.status, review.published_at is not None
        await _store(viewer, review, decision, note)
        await _notify(review, before=before, was_published=was_published)
        if before is ReviewStatus.APPROVED and not review.is_public:
            await rating_counters.count_out(review)
        elif before is not ReviewStatus.APPROVED and review.is_public:
            await rating_counters.count_in(review)
            await announcements.announce_review(review)
    return review


def _checked(decision: Decision) -> tuple[str | None, datetime | None | Unchecked]:
    expected = decision.expected_edited_at
    with collect_refusals() as check:
        check(_check_reason, decision)
        note = check(_note, decision.note)
        if expected is not UNCHECKED:
            expected = check(moment, expected, "expected_edited_at")
    return note or None, expected


def _check_reason(decision: Decision) -> None:
    if decision.status is ReviewStatus.REJECTED and decision.reason is None:
        raise Invalid("reason", message="A rejection needs a reason.")
    if decision.status is not ReviewStatus.REJECTED and decision.reason is not None:
        raise Invalid("reason", message="Only a rejection has a reason.")


def _note(given: str | None) -> str:
    note = user_text.plain(given or "")
    if len(note) > MAX_NOTE:
        raise Invalid("note", message=f"A note has {MAX_NOTE:,} characters at most.")
    return note


async def _store(viewer: Viewer, review: Review, decision: Decision, note: str | None) -> None:
    now = clock.now()
    review.status, review.rejection_reason = decision.status, decision.reason
    review.moderation_note = note
    review.moderated_at = None if decision.status is ReviewStatus.PENDING else now
    if review.is_public and review.published_at is None:
        review.published_at = now
    names = ("status", *DECISION, "published_at")
    await Review.filter(id=review.id).update(**{name: getattr(review, name) for name in names})
    kind = {
        ReviewStatus.APPROVED: "review.approved",
        ReviewStatus.REJECTED: "review.rejected",
        ReviewStatus.PENDING: "review.held",
    }[decision.status]
    reason = decision.reason.value if decision.reason else None
    await tracking_log.record(viewer, kind, about=review, reason=reason)


async def _notify(review: Review, *, before: ReviewStatus, was_published: bool) -> None:
    """Promise the mails about a change. Of its publication, they are sent only once."""
    if review.status is before:
        return
    if review.is_public and not was_published:
        vendor = await Vendor.get(id=review.vendor_id)
        author = await Customer.get(id=review.customer_id)
        await mailers.deliver_later("review.received", to=vendor, about=review)
        await mailers.deliver_later("review.published", to=author, about=review)
    elif review.status is ReviewStatus.REJECTED and review.moderated_at is not None:
        await mailers.deliver_later(
            "review.rejected",
            to=await Customer.get(id=review.customer_id),
            about=review,
            occasion=review.moderated_at.isoformat(),
        )
