"""Helpful votes: one per person, counted exactly under concurrency."""

from uuid import UUID

from models import Review, SiteSettings, Vendor, clock, sql
from models.database import transaction
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
_COUNT = "UPDATE review SET helpful_count = helpful_count + ? WHERE id = ? RETURNING helpful_count"


async def vote_helpful(viewer: Viewer, *, review_id: UUID) -> Review:
    """Vote for a published review. Voting again changes nothing.

    Raises Unauthenticated, Forbidden (guests, keys, the reviewed vendor), VotesDisabled,
    NotFound, NotPublished, OwnReview.
    """
    async with transaction():
        review = await _votable(viewer, review_id)
        vote = (uuid7(), review.id, viewer.external_id, clock.now())
        await _count(review, +1 if await sql.fetch(_VOTE, *vote) else 0)
    return review


async def withdraw_vote(viewer: Viewer, *, review_id: UUID) -> Review:
    """Withdraw the viewer's vote, if there is one. Raises as `vote_helpful` does."""
    async with transaction():
        review = await _votable(viewer, review_id)
        withdrawn = await sql.fetch(_WITHDRAW, review.id, viewer.external_id)
        await _count(review, -1 if withdrawn else 0)
    return review


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


async def _votable(viewer: Viewer, review_id: UUID) -> Review:
    rights.may_vote(viewer)
    settings = await site_settings.current()
    if not settings.helpful_votes_enabled:
        raise VotesDisabled("review_id")
    # Locked, so that it is not handed over to the voter meanwhile.
    review = await find_review_of_party(viewer, review_id, lock=True)
    if review is None:
        raise NotFound("review_id", message="There is no such review.")
    check_vote(viewer, review, await Vendor.get(id=review.vendor_id), settings)
    return review


async def _count(review: Review, change: int) -> None:
    if change:
        review.helpful_count = (await sql.fetch(_COUNT, change, review.id))[0]["helpful_count"]
