"""Helpful votes: one per person, counted exactly under concurrency."""

from typing import Any
from uuid import UUID

from models import Review, SiteSettings, Vendor, clock, sql
from models.one_round_trip import one_round_trip
from models.uuid7 import uuid7
from resolvers import rights, site_settings
from resolvers.errors import (
    Forbidden,
    NotFound,
    NotPublished,
    OwnReview,
    VotesDisabled,
)
from resolvers.review_lookup import find_review_of_party
from resolvers.viewer import Viewer, is_author

_VOTE = """
INSERT INTO review_vote (id, review_id, person, created_at) VALUES (?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING id"""
_WITHDRAW = "DELETE FROM review_vote WHERE review_id = ? AND person = ? RETURNING id"
# Counts only if the review is still public, and of the customer who was found not to be the voter.
# Of two withdrawals at once the second would count below zero before it finds no vote.
_COUNT = """
UPDATE review SET helpful_count = CASE WHEN helpful_count + ? < 0 THEN 0 ELSE helpful_count + ? END
WHERE id = ? AND customer_id = ? AND status = 'APPROVED' AND deleted_at IS NULL RETURNING id"""
# Votes are on by default: there is no row until an admin changes a setting.
_ARE_ON = "COALESCE((SELECT helpful_votes_enabled FROM site_settings WHERE \"key\" = 'site'), TRUE)"
_ALSO = f""", {_ARE_ON} AS votes_are_on,
  EXISTS (SELECT 1 FROM review_vote w WHERE w.review_id = r.id AND w.person = ?) AS has_voted"""


async def vote_helpful(viewer: Viewer, *, review_id: UUID) -> Review:
    """Vote for a published review. Voting again changes nothing.

    Raises Unauthenticated, Forbidden (guests, keys, the reviewed vendor), VotesDisabled,
    NotFound, NotPublished, OwnReview.
    """
    return await _vote(viewer, review_id, change=+1)


async def withdraw_vote(viewer: Viewer, *, review_id: UUID) -> Review:
    """Withdraw the viewer's vote, if there is one. Raises as `vote_helpful` does."""
    return await _vote(viewer, review_id, change=-1)


async def _vote(viewer: Viewer, review_id: UUID, *, change: int) -> Review:
    """Add the viewer's vote or take it away, and count it, unless that is done already.

    Each further turn means that another writer changed the review or this vote meanwhile.
    """
    rights.may_vote(viewer)
    review, has_voted = await _votable(viewer, review_id)
    while has_voted == (change < 0):
        if await _store(viewer, review, change):
            review.helpful_count += change
            break
        review, has_voted = await _votable(viewer, review_id)
    return review


async def _store(viewer: Viewer, review: Review, change: int) -> bool:
    async with one_round_trip() as writes:
        await writes.require(_COUNT, change, change, review.id, review.customer_id)
        if change > 0:
            vote = (uuid7(), review.id, viewer.external_id, clock.now())
            await writes.require(_VOTE, *vote)
        else:
            await writes.require(_WITHDRAW, review.id, viewer.external_id)
    return writes.done


def check_vote(viewer: Viewer, review: Review, vendor: Vendor, settings: SiteSettings) -> None:
    """Raise the refusal if the viewer, who sees the review of this vendor, may not vote for it."""
    rights.may_vote(viewer)
    if not settings.helpful_votes_enabled:
        raise VotesDisabled("review_id")
    if not review.is_public:
        raise NotPublished("review_id")
    if is_author(viewer, review):
        raise OwnReview("review_id")
    if viewer.sells_as(vendor.external_id):
        raise Forbidden("review_id", message="Vendors do not vote on reviews of their services.")


async def _votable(viewer: Viewer, review_id: UUID) -> tuple[Review, bool]:
    """The review, and whether the viewer has voted for it."""
    review: Any = await find_review_of_party(
        viewer, review_id, _ALSO, viewer.external_id, votes_are_on=bool, has_voted=bool
    )
    if review is None:
        if not (await site_settings.current()).helpful_votes_enabled:
            raise VotesDisabled("review_id")
        raise NotFound("review_id", message="There is no such review.")
    settings = sql.fresh(SiteSettings, helpful_votes_enabled=review.votes_are_on)
    check_vote(viewer, review, review.vendor, settings)
    return review, review.has_voted
