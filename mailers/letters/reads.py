"""What mailers read beside the rows that are read for several mails at once.

Previews replace it by rows of their own, so that they are written by the mailers themselves.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from models import (
    OrderUpdate,
    ReviewRevision,
    ReviewStatus,
    TeamMember,
    TeamRole,
    UpdateNote,
    UpdateSolve,
    sql,
)

# Waiting reviews are counted no further; admins who read answers, and reviews in one mail.
_MANY, _MOST_ADMINS, _NEWEST = 1_000, 5, 10
_WAITING = "FROM review WHERE status = ? AND deleted_at IS NULL"
_NEWEST_WAITING = f"SELECT id {_WAITING} ORDER BY created_at DESC, id DESC LIMIT {_NEWEST}"
_COUNT_WAITING = f"SELECT COUNT(*) AS number FROM (SELECT 1 {_WAITING} LIMIT {_MANY}) AS waiting"


class Waiting(NamedTuple):
    """How many reviews wait for a decision, and the ids of the newest."""

    number: int
    newest: Sequence[UUID]


class Reads:
    """Reads from the database."""

    async def note(self, note_id: UUID) -> UpdateNote | None:
        """A note with its author."""
        return await UpdateNote.get_or_none(id=note_id).select_related("author")

    async def latest_solve(self, update: OrderUpdate) -> UpdateSolve | None:
        """An update's latest solve, with whom it is credited to."""
        latest = UpdateSolve.filter(update_id=update.id, number=update.solves)
        return await latest.select_related("credited_to").first()

    async def member(self, external_id: str) -> TeamMember | None:
        return await TeamMember.get_or_none(external_id=external_id)

    async def admins(self) -> Sequence[TeamMember]:
        """Some active admins with an address."""
        admins = TeamMember.filter(role=TeamRole.ADMIN, deactivated_at=None).exclude(email=None)
        return await admins.order_by("id").limit(_MOST_ADMINS)

    async def replaced_since(self, review_id: UUID, since: datetime) -> Sequence[ReviewRevision]:
        """The first two versions of a review that were replaced then or later."""
        later = ReviewRevision.filter(review_id=review_id, replaced_at__gte=since)
        return await later.order_by("replaced_at", "id").limit(2)

    async def waiting(self) -> Waiting:
        (count,) = await sql.fetch(_COUNT_WAITING, ReviewStatus.PENDING)
        newest = await sql.fetch(_NEWEST_WAITING, ReviewStatus.PENDING)
        return Waiting(count["number"], [row["id"] for row in newest])
