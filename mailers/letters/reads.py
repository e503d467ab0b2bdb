"""What mailers read beside the rows that are read for several mails at once.

Previews replace it by rows of their own, so that they are written by the mailers themselves.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from models import (
    OrderUpdate,
    PendingVersion,
    Review,
    ReviewRevision,
    TeamMember,
    TeamRole,
    UpdateNote,
    UpdateSolve,
    sql,
)

# Waiting reviews are counted no further; admins who read answers, and reviews in one mail.
_MANY, _MOST_ADMINS, _NEWEST = 1_000, 5, 10
_WAITING = "FROM review WHERE status = 'PENDING' AND deleted_at IS NULL"
_NEWEST_WAITING = f"SELECT id, created_at {_WAITING} ORDER BY created_at DESC, id DESC"
_COUNT_WAITING = f"""
SELECT COUNT(*) AS number FROM (SELECT * FROM (SELECT 1 {_WAITING} LIMIT {_MANY}) AS new
  UNION ALL SELECT * FROM (SELECT 1 FROM pending_version LIMIT {_MANY}) AS edited) AS waiting"""


class Waiting(NamedTuple):
    """How many reviews wait for a decision, and the newest: each with the edit of it that waits."""

    number: int
    newest: Mapping[UUID, PendingVersion | None]


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
        (count,) = await sql.fetch(_COUNT_WAITING)
        statement = f"{_NEWEST_WAITING} LIMIT {_NEWEST}"
        reviews = await sql.fetch(statement, types=sql.types_of(Review))
        edits = await PendingVersion.all().order_by("-submitted_at", "-id").limit(_NEWEST)
        waiting = [
            *((row["created_at"], row["id"], None) for row in reviews),
            *((edit.submitted_at, edit.review_id, edit) for edit in edits),
        ]
        newest = sorted(waiting, key=lambda each: each[:2], reverse=True)[:_NEWEST]
        return Waiting(count["number"], {review_id: edit for _, review_id, edit in newest})
