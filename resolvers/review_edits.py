"""Change a review: its author while the window is open, an admin at any time."""

import copy
from typing import Any
from uuid import UUID

from models import Review, ReviewRevision, ReviewStatus, SiteSettings, clock
from models.database import transaction
from models.review import SUB_RATINGS
from resolvers import (
    orders,
    rating_counters,
    review_eligibility,
    rights,
    site_settings,
    tracking_log,
    user_text,
)
from resolvers.errors import Forbidden, Invalid, NotFound
from resolvers.frequency import must_be_seldom
from resolvers.mistakes import told_at_once
from resolvers.ref import Ref
from resolvers.review_lookup import find_review
from resolvers.reviews import checked_stars
from resolvers.viewer import Viewer, is_author


async def edit_review(viewer: Viewer, *, review_id: UUID, **changes: Any) -> Review:
    """Change stars or text: the author while the window is open, an admin at any time.

    `changes` holds only what the caller gave: rating, body, and the sub-ratings, of which None
    takes one back. The earlier version is kept as a revision. An author's edit goes back to
    PENDING when moderation is on or the review was rejected.

    Raises Unauthenticated, NotFound, Forbidden, the refusals of the window, RatingOutOfRange,
    BodyTooShort, BodyTooLong, Invalid (no rating or no body at all), TooOften.
    """
    rights.may_edit_reviews(viewer)
    async with transaction():
        review = await find_review(viewer, review_id)
        if review is not None:
            # The order is locked before its review, as the feed does that hands it over.
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
        await must_be_seldom(viewer, review.order_id, "review_id")
        if not viewer.is_admin:
            _hold(edited, settings)
        # Clocks may go back.
        edited.edited_at = max(clock.now(), review.edited_at or review.created_at)
        await _replace(viewer, review, edited)
    return edited


async def _must_still_edit(viewer: Viewer, review: Review, settings: SiteSettings) -> None:
    if not is_author(viewer, review):
        raise Forbidden("review_id", message="Only its author and admins can edit a review.")
    order = await orders.find_order(viewer, Ref(id=review.order_id), lock=True)
    if order is None:
        raise NotFound("review_id", message="There is no such review.")
    review_eligibility.may_still_edit(viewer, order, settings, clock.now())


def _apply(review: Review, changes: dict[str, Any]) -> None:
    stars = {name: changes[name] for name in ("rating", *SUB_RATINGS) if name in changes}
    with told_at_once() as check:
        check(checked_stars, stars)
        for name in {"rating", "body"} & changes.keys():
            check(_must_not_be_null, name, changes[name])
        body = (
            check(user_text.body, changes["body"], "body")
            if changes.get("body") is not None
            else None
        )
    for name, value in stars.items():
        setattr(review, name, value)
    if body is not None:
        review.body, review.body_folded = body, user_text.fold(body)


def _must_not_be_null(name: str, value: Any) -> None:
    if value is None:
        raise Invalid(name, message="A review cannot be without it; leave it out instead.")


def _content(review: Review) -> tuple[Any, ...]:
    return (review.rating, *review.sub_ratings, review.body)


def _hold(review: Review, settings: SiteSettings) -> None:
    """What its author changed is looked at again: no edit walks past moderation."""
    if settings.review_moderation or review.status is ReviewStatus.REJECTED:
        review.status = ReviewStatus.PENDING
        review.rejection_reason = review.moderation_note = review.moderated_at = None


async def _replace(viewer: Viewer, before: Review, after: Review) -> None:
    await ReviewRevision.create(
        review_id=before.id,
        rating=before.rating,
        communication=before.communication,
        quality=before.quality,
        value=before.value,
        body=before.body,
        replaced_at=after.edited_at,
    )
    changed = (
        "rating",
        *SUB_RATINGS,
        "body",
        "body_folded",
        "status",
        "rejection_reason",
        "moderation_note",
        "moderated_at",
        "edited_at",
    )
    await Review.filter(id=after.id).update(**{name: getattr(after, name) for name in changed})
    await tracking_log.record(viewer, "review.edited", about=after)
    if before.is_public and after.is_public:
        await rating_counters.recount(before, after)
    elif before.is_public:
        await rating_counters.count_out(before)
