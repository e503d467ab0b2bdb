"""Edit a review: its author while the window is open, an admin at any time."""

import copy
from typing import Any
from uuid import UUID

import mailers
from models import Customer, Review, ReviewRevision, ReviewStatus, SiteSettings, Vendor, clock
from models.database import transaction
from models.review import DECISION, SEARCHED, WRITTEN
from resolvers import (
    orders,
    rating_counters,
    review_content,
    review_eligibility,
    rights,
    site_settings,
    team_notices,
    tracking_log,
)
from resolvers.errors import Forbidden, NotFound
from resolvers.frequency import limit_frequency
from resolvers.ref import Ref
from resolvers.review_lookup import find_review
from resolvers.review_moderation import TELL_OF_PUBLIC
from resolvers.viewer import Viewer, is_author

# The columns that an edit may change.
_EDITED = (*WRITTEN, "body_folded", "status", *DECISION, "edited_at")


async def edit_review(viewer: Viewer, *, review_id: UUID, **changes: Any) -> Review:
    """Change stars or text: the author while the window is open, an admin at any time.

    `changes` are the given columns of WRITTEN; None clears an optional one. The earlier version is
    kept as a revision. After an edit by its author, the review is PENDING again if moderation is
    on or it was rejected.

    Raises Unauthenticated, NotFound, Forbidden, the refusals of eligibility, RatingOutOfRange,
    BodyTooShort, BodyTooLong, Invalid (null for a required column), TooOften.
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
        edited = copy.copy(review)
        _apply(edited, changes)
        if _content(edited) == _content(review):
            return review
        await limit_frequency(viewer, review.order_id, "review_id")
        if not viewer.is_admin:
            _hold(edited, settings)
        # The clock may have gone back.
        edited.edited_at = max(clock.now(), review.edited_at or review.created_at)
        await _replace(viewer, review, edited, settings)
    return edited


async def _must_still_edit(viewer: Viewer, review: Review, settings: SiteSettings) -> None:
    if not is_author(viewer, review):
        raise Forbidden("review_id", message="Only its author and admins can edit a review.")
    order = await orders.find_order(viewer, Ref(id=review.order_id), lock=True)
    if order is None:
        raise NotFound("review_id", message="There is no such review.")
    review_eligibility.may_still_edit(viewer, order, settings, clock.now())


def _apply(review: Review, changes: dict[str, Any]) -> None:
    for name, value in review_content.checked(changes).items():
        setattr(review, name, value)
    if not changes.keys().isdisjoint(SEARCHED):
        review.body_folded = review_content.folded(_content(review))


def _content(review: Review) -> dict[str, Any]:
    return {name: getattr(review, name) for name in WRITTEN}


def _hold(review: Review, settings: SiteSettings) -> None:
    """An author's edit must not bypass moderation."""
    if settings.review_moderation or review.status is ReviewStatus.REJECTED:
        review.status = ReviewStatus.PENDING
        review.rejection_reason = review.moderation_note = review.moderated_at = None


async def _replace(viewer: Viewer, before: Review, after: Review, settings: SiteSettings) -> None:
    await ReviewRevision.create(
        review_id=before.id,
        replaced_at=after.edited_at,
        **_content(before),
    )
    await Review.filter(id=after.id).update(**{name: getattr(after, name) for name in _EDITED})
    await tracking_log.record(viewer, "review.edited", about=after)
    if before.is_public and after.is_public:
        await rating_counters.recount(before, after)
    elif before.is_public:
        await rating_counters.count_out(before)
    await _tell(viewer, before, after, settings)


async def _tell(viewer: Viewer, before: Review, after: Review, settings: SiteSettings) -> None:
    """Tell the author of another's edit; of the author's own, the vendor or those who decide."""
    edited_at = str(after.edited_at)
    if not is_author(viewer, after):
        author = await Customer.get(id=after.customer_id)
        await mailers.deliver_later(
            "review.edited_by_admin",
            to=author,
            about=after,
            occasion=edited_at,
            edited_at=edited_at,
        )
    elif after.is_public:
        vendor = await Vendor.get(id=after.vendor_id)
        await mailers.withdraw("review.edited", about=after.id, because="it was edited again")
        await mailers.deliver_later("review.edited", to=vendor, about=after, occasion=edited_at)
    elif after.status is ReviewStatus.PENDING:
        if before.is_public:
            for kind in TELL_OF_PUBLIC:
                await mailers.withdraw(kind, about=after.id, because="the review waits again")
        await team_notices.tell_of_waiting([after], settings, actor=after.author_external_id)
