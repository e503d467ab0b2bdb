"""The versions of a review: those that were replaced, and an edit that waits for a decision."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from models import PendingVersion, Review, sql
from models.one_round_trip import AT_ONCE, Writes
from models.review import DECISION, EDIT, WRITTEN, ReviewContent
from models.uuid7 import uuid7
from resolvers import review_content

# The columns that an edit, or a decision on one, may change.
_SHOWN = (*WRITTEN, "body_folded", *EDIT, "status", *DECISION, "published_at")
_SHOW = f"UPDATE review SET {', '.join(f'{name} = ?' for name in _SHOWN)} WHERE id = ?"
_KEEP = sql.insertion(
    "review_revision", ("id", "review_id", *WRITTEN, "replaced_at", "replaced_by")
)
_PENDING = ("id", "review_id", "created_at", *WRITTEN, "submitted_at")
_RENEWED = (*WRITTEN, "submitted_at")
_WAIT = f"""
INSERT INTO pending_version ({", ".join(_PENDING)}) VALUES ({sql.places(_PENDING)})
ON CONFLICT (review_id) DO UPDATE SET
  {", ".join(f"{name} = excluded.{name}" for name in _RENEWED)}"""
_END = "DELETE FROM pending_version WHERE review_id = ?"


def content(version: ReviewContent) -> dict[str, Any]:
    """What its author wrote."""
    return {name: getattr(version, name) for name in WRITTEN}


def write(review: Review, written: Mapping[str, Any]) -> None:
    """Let the review say this, and nothing else that its author writes."""
    for name, value in written.items():
        setattr(review, name, value)
    review.body_folded = review_content.folded(content(review))


async def pending_of(ids: Collection[UUID]) -> dict[UUID, PendingVersion]:
    """The pending versions of these reviews, by the reviews' ids."""
    if not ids:
        return {}
    statement = (
        f"SELECT {sql.columns(PendingVersion, 'p')} FROM pending_version p"
        f" WHERE p.review_id IN ({sql.places(ids)})"
    )
    rows = await sql.objects(PendingVersion, statement, *ids)
    return {row.review_id: row for row in rows}


async def replace(
    before: Review, after: Review, *, replaced_at: datetime, writes: Writes = AT_ONCE
) -> None:
    """Show the review as it is in `after`, and keep what it said as a revision."""
    kept = (uuid7(), before.id, *content(before).values(), replaced_at, after.edited_by)
    await writes.add(_KEEP, *kept)
    await writes.add(_SHOW, *(getattr(after, name) for name in _SHOWN), after.id)


async def let_wait(review: Review, written: Mapping[str, Any], submitted_at: datetime) -> None:
    """Keep an edit until it is decided, in the place of one that waits already."""
    values = (uuid7(), review.id, review.created_at, *written.values(), submitted_at)
    await sql.execute(_WAIT, *values)


async def end_waiting(review_id: UUID, writes: Writes = AT_ONCE) -> None:
    """Forget the edit that waits, if there is one."""
    await writes.add(_END, review_id)
