"""Edit a review: its author, as long as `review_edit_rule` allows it, and an admin at any time."""

import copy
from datetime import datetime
from typing import Any
from uuid import UUID

import mailers
from models import (
    Customer,
    EditedBy,
    PendingVersion,
    Review,
    ReviewStatus,
    SiteSettings,
    Vendor,
    clock,
)
from models.database import transaction
from resolvers import (
    announcements,
    orders,
    rating_counters,
    review_content,
    review_edit_rule,
    review_versions,
    rights,
    site_settings,
    team_notices,
    tracking_log,
)
from resolvers.errors import Forbidden, NotFound
from resolvers.frequency import limit_frequency
from resolvers.ref import Ref
from resolvers.review_lookup import find_review
from resolvers.review_moderation import TELL_OF_HIDDEN
from resolvers.viewer import Viewer, is_author


async def edit_review(viewer: Viewer, *, review_id: UUID, **changes: Any) -> Review:
    """Change stars or text: the author as long as they may, an admin at any time.

    `changes` are the given columns of WRITTEN; None clears an optional one. The earlier version is
    kept as a revision. With moderation on, an author's edit of a published review waits as its
    pending version, which a further edit changes; an edit of another review lets that wait. An edit
    of a rejected review always waits.

    Raises Unauthenticated, NotFound, Forbidden, the refusals of `review_edit_rule`,
    RatingOutOfRange, BodyTooShort, BodyTooLong, Invalid (null for a required column), TooOften.
    """
    rights.may_edit_reviews(viewer)
    async with transaction():
        review = await find_review(viewer, review_id)
        if review is not None:
            # Lock the order before its review, as hand-overs by the feed do.
            await orders.hold(review.order_id)
            review = await find_review(viewer, review_id, lock=True)
        if review is None:
            raise NotFound("review_id", message="There is no such review.")
        settings = await site_settings.current()
        if not viewer.is_admin:
            await _must_still_edit(viewer, review, settings)
        pending = (await review_versions.pending_of([review.id])).get(review.id)
        # Authors go on from what they wrote last, admins from what the public reads.
        latest = review if viewer.is_admin or pending is None else pending
        written = review_versions.content(latest) | review_content.checked(changes)
        if written == review_versions.content(latest):
            return review
        await limit_frequency(viewer, review.order_id, "review_id")
        now = _after(review, pending)
        if settings.review_moderation and review.is_public and not viewer.is_admin:
            await _let_wait(viewer, review, written, settings, now)
            return review
        return await _show(viewer, review, written, settings, now)


async def _must_still_edit(viewer: Viewer, review: Review, settings: SiteSettings) -> None:
    if not is_author(viewer, review):
        raise Forbidden("review_id", message="Only its author and admins can edit a review.")
    order = await orders.find_order(viewer, Ref(id=review.order_id), lock=True)
    if order is None:
        raise NotFound("review_id", message="There is no such review.")
    review_edit_rule.must_still_edit(viewer, review, order, settings, clock.now())


def _after(review: Review, pending: PendingVersion | None) -> datetime:
    """Now, or the time of the latest version: the clock may have gone back."""
    latest = pending.submitted_at if pending else review.written_at
    return max(clock.now(), review.written_at, latest)


async def _let_wait(
    viewer: Viewer, review: Review, written: dict[str, Any], settings: SiteSettings, now: datetime
) -> None:
    """Keep an author's edit until it is decided. One that brings nothing new needs no decision."""
    await tracking_log.record(viewer, "review.edited", about=review)
    if written == review_versions.content(review):
        await review_versions.end_waiting(review.id)
        return
    await review_versions.let_wait(review, written, now)
    await team_notices.tell_of_waiting([review], settings, actor=review.author_external_id)


async def _show(
    viewer: Viewer, before: Review, written: dict[str, Any], settings: SiteSettings, now: datetime
) -> Review:
    """Store an edit in the review itself: the review as it is now."""
    by_author = is_author(viewer, before)
    after = copy.copy(before)
    review_versions.write(after, written)
    after.edited_at, after.edited_by = now, EditedBy.AUTHOR if by_author else EditedBy.ADMIN
    if not viewer.is_admin:
        _decide(after, settings, now)
        await review_versions.end_waiting(after.id)
    await review_versions.replace(before, after, replaced_at=now)
    await tracking_log.record(viewer, "review.edited", about=after)
    await _tell(before, after, settings)
    await _count(before, after)
    return after


def _decide(review: Review, settings: SiteSettings, now: datetime) -> None:
    """What an author's edit makes of the review.

    What a moderator took down waits for a moderator, whatever the setting and however often its
    author edits it: `moderated_at` stays.
    """
    if review.status is ReviewStatus.REJECTED:  # one of an imported file may have no such time
        review.moderated_at = review.moderated_at or now
    was_taken_down = review.status is not ReviewStatus.APPROVED and review.moderated_at is not None
    if settings.review_moderation or was_taken_down:
        review.status = ReviewStatus.PENDING
        review.rejection_reason = review.moderation_note = None
    else:
        review.status = ReviewStatus.APPROVED
        review.published_at = review.published_at or now


async def _count(before: Review, after: Review) -> None:
    """Let the counters follow, as the last write of the transaction."""
    if before.is_public and after.is_public:
        await rating_counters.recount(before, after)
    elif after.is_public:
        await rating_counters.count_in(after)


async def _tell(before: Review, after: Review, settings: SiteSettings) -> None:
    """Tell the author of another's edit; of the author's own, the vendor or those who decide."""
    edited_at = str(after.edited_at)
    if after.edited_by is EditedBy.ADMIN:
        author = await Customer.get(id=after.customer_id)
        await mailers.deliver_later(
            "review.edited_by_admin",
            to=author,
            about=after,
            occasion=edited_at,
            edited_at=edited_at,
        )
    elif after.is_public:
        await _tell_vendor(before, after)
    elif after.status is ReviewStatus.PENDING:
        await team_notices.tell_of_waiting([after], settings, actor=after.author_external_id)


async def _tell_vendor(before: Review, after: Review) -> None:
    """Of a review that an edit published, and of an edit of one that was public before."""
    vendor = await Vendor.get(id=after.vendor_id)
    if not before.is_public:
        for kind in TELL_OF_HIDDEN:
            await mailers.withdraw(kind, about=after.id, because="the review is public")
        await mailers.deliver_later("review.received", to=vendor, about=after)
        await announcements.announce_review(after)
    if before.published_at is not None:
        await mailers.withdraw("review.edited", about=after.id, because="it was edited again")
        occasion = str(after.edited_at)
        await mailers.deliver_later("review.edited", to=vendor, about=after, occasion=occasion)
