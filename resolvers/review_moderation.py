"""A moderator's or admin's decision on a review. No rule here depends on the stars."""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar
from uuid import UUID

import mailers
from models import (
    Customer,
    EditedBy,
    PendingVersion,
    RejectionReason,
    Review,
    ReviewStatus,
    TeamMember,
    Vendor,
    clock,
    sql,
)
from models.database import transaction
from models.one_round_trip import Gathered
from models.review import DECISION, MAIN
from resolvers import (
    announcements,
    rating_counters,
    review_versions,
    site_settings,
    team_members,
    team_notices,
    tracking_log,
    user_text,
)
from resolvers.errors import Conflict, Invalid, NotFound, Refusal, TooOften
from resolvers.frequency import too_often
from resolvers.moments import Moment, moment
from resolvers.refusals import collect_refusals
from resolvers.review_lookup import hold
from resolvers.viewer import Viewer

MAX_BATCH = 100
MAX_NOTE = 2_000


class Unchecked(Enum):
    """The moderator does not say which version they read."""

    UNCHECKED = "UNCHECKED"


UNCHECKED = Unchecked.UNCHECKED
Party = TypeVar("Party", Customer, Vendor)

_KINDS = {
    ReviewStatus.APPROVED: "review.approved",
    ReviewStatus.REJECTED: "review.rejected",
    ReviewStatus.PENDING: "review.held",
}
# Mails that say that a review is public; those that say that it is not.
TELL_OF_PUBLIC = ("review.received", "review.published", "review.edited")
TELL_OF_HIDDEN = ("review.rejected", "review.withdrawn")
_DECIDED = ("status", *DECISION, "published_at")
_UPDATE = f"UPDATE review SET {', '.join(f'{name} = ?' for name in _DECIDED)} WHERE id = ?"


@dataclass(frozen=True)
class Decision:
    """A decision on one review, or on the edit of it that waits.

    `reason` is required for a rejection and not allowed otherwise; `note` is for moderators
    and the author. `expected_edited_at`, if given, must equal the review's `edited_at` (None if it
    was never edited), or `submitted_at` of its pending version; otherwise it was edited meanwhile.
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
    """Publish a review, or the edit of it that waits.

    The same decision again changes nothing. Raises Unauthenticated, Forbidden, NotFound, Invalid
    (reason, note, date), Conflict (edited meanwhile), TooOften.
    """
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
    """Reject a review, with a reason that its author will read. Raises as `approve_review` does."""
    decision = Decision(ReviewStatus.REJECTED, reason, note, expected_edited_at)
    return await _decide(viewer, review_id, decision)


async def decide_all(
    viewer: Viewer, decisions: Sequence[tuple[UUID, Decision]]
) -> list[Review | Refusal]:
    """Decide reviews, each once, in one transaction: the review of each decision, or its refusal.

    Each is approved, rejected or set back to PENDING, with counters and promises, in a constant
    number of statements. A refused decision does not affect the others. Refusals are those of
    `approve_review`. Raises Unauthenticated, Forbidden.
    """
    viewer.must_moderate()
    async with transaction():
        stored = await hold(viewer, {review_id for review_id, _ in decisions})
        pending = await review_versions.pending_of(stored)
        changes = [_change(stored.get(id_), pending.get(id_), given) for id_, given in decisions]
        wanted = [each for each in changes if isinstance(each, _Change)]
        refused = await too_often(viewer, {each.review.order_id for each in wanted})
        results = [_refused_or(each, refused) for each in changes]
        if any(isinstance(each, _Change) for each in results):
            await team_members.acting_member(viewer)
        await _store(viewer, [each for each in results if isinstance(each, _Change)])
    return [each.review if isinstance(each, _Change) else each for each in results]


async def decided_by(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, TeamMember]:
    """Who took the last decision on each review, as the log has it; for moderators and admins."""
    if not ids or not viewer.moderates:
        return {}
    rows = await sql.fetch(
        f"SELECT e.subject_id AS review_id, {sql.columns(TeamMember, 'm')}"
        " FROM tracking_event e JOIN team_member m ON m.external_id = e.actor"
        f" WHERE e.subject_id IN ({sql.places(ids)}) AND {sql.one_of('e.kind', _KINDS.values())}"
        " ORDER BY e.at, e.id",
        *ids,
        types=sql.types_of(TeamMember, review_id=UUID),
    )
    # Of several decisions on one review the last one stays.
    return {
        row["review_id"]: member
        for row, member in zip(rows, sql.hydrate(TeamMember, rows), strict=True)
    }


async def _decide(viewer: Viewer, review_id: UUID, decision: Decision) -> Review:
    (decided,) = await decide_all(viewer, [(review_id, decision)])
    if isinstance(decided, Refusal):
        raise decided
    return decided


@dataclass(frozen=True)
class _Change:
    """A review as stored, the edit of it that waits, and the decision that changes one of them."""

    before: Review
    review: Review
    pending: PendingVersion | None
    decision: Decision
    note: str | None

    @property
    def refuses_an_edit(self) -> bool:
        """Whether the review stays as it is, without the edit."""
        return self.pending is not None and self.decision.status is ReviewStatus.REJECTED

    @property
    def publishes_an_edit(self) -> bool:
        """Whether the edit takes the place of the version that is public."""
        return self.pending is not None and self.decision.status is ReviewStatus.APPROVED

    @property
    def is_hidden(self) -> bool:
        return self.before.is_public and not self.review.is_public

    @property
    def is_published(self) -> bool:
        return self.review.is_public and not self.before.is_public

    @property
    def is_rejection(self) -> bool:
        is_rejected = self.review.status is ReviewStatus.REJECTED
        return is_rejected and self.before.status is not ReviewStatus.REJECTED

    @property
    def waits(self) -> bool:
        status = self.review.status
        return status is ReviewStatus.PENDING and self.before.status is not status

    @property
    def shows_an_edit(self) -> bool:
        """Whether the public, who knew the review, sees another version than before."""
        edited_at, published_at = self.review.edited_at, self.before.published_at
        is_newer = edited_at and published_at and edited_at > published_at
        return self.publishes_an_edit or (self.is_published and bool(is_newer))


def _change(
    review: Review | None, pending: PendingVersion | None, decision: Decision
) -> _Change | Review | Refusal:
    """The change to store; the review itself if nothing changes; or the refusal."""
    if review is None:
        return NotFound("review_id", message="There is no such review.")
    try:
        note, expected = _checked(decision)
    except Refusal as refusal:
        return refusal
    if expected not in {UNCHECKED, pending.submitted_at if pending else review.edited_at}:
        return Conflict("expected_edited_at", message="The review was edited meanwhile.")
    stored = (review.status, review.rejection_reason, review.moderation_note)
    if pending is None and stored == (decision.status, decision.reason, note):
        return review
    return _Change(copy.copy(review), review, pending, decision, note)


def _refused_or(
    change: _Change | Review | Refusal, refused: Collection[UUID]
) -> _Change | Review | Refusal:
    if isinstance(change, _Change) and change.review.order_id in refused:
        return TooOften("review_id")
    return change


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


async def _store(viewer: Viewer, changes: list[_Change]) -> None:
    if not changes:
        return
    writes = Gathered()
    for change in changes:
        await _write(viewer, change, writes)
    await _tell(viewer, changes, writes)
    for change in changes:
        if change.is_published:
            await announcements.announce_review(change.review, writes=writes)
    await writes.run()
    another = [each for each in changes if each.is_published or each.publishes_an_edit]
    no_longer = [each for each in changes if each.is_hidden or each.publishes_an_edit]
    await rating_counters.count_both(
        public=[each.review for each in another], hidden=[each.before for each in no_longer]
    )


async def _write(viewer: Viewer, change: _Change, writes: Gathered) -> None:
    now, review, decision = clock.now(), change.review, change.decision
    kind, details = _KINDS[decision.status], _details(change)
    await tracking_log.record(viewer, kind, about=review, writes=writes, **details)
    if change.pending is not None:
        await review_versions.end_waiting(review.id, writes)
    if change.refuses_an_edit:
        return
    review.status, review.rejection_reason = decision.status, decision.reason
    review.moderation_note = change.note
    review.moderated_at = now
    if review.is_public and review.published_at is None:
        review.published_at = now
    if change.pending is None:
        await writes.add(_UPDATE, *(getattr(review, name) for name in _DECIDED), review.id)
    else:
        # Also of a review that is set back: then its latest version is what waits.
        _show(review, change.pending, now)
        await review_versions.replace(change.before, review, replaced_at=now, writes=writes)


def _details(change: _Change) -> dict[str, Any]:
    """What the log keeps of a decision; of an edit that was refused, the words, too."""
    reason = change.decision.reason.value if change.decision.reason else None
    if change.pending is None or not change.refuses_an_edit:
        return {"reason": reason}
    return {"reason": reason, "refused": review_versions.content(change.pending)}


def _show(review: Review, pending: PendingVersion, now: datetime) -> None:
    review_versions.write(review, review_versions.content(pending))
    # An admin may have edited the version before it later than its author this one.
    is_latest = pending.submitted_at > review.written_at
    review.edited_at = pending.submitted_at if is_latest else max(now, review.written_at)
    review.edited_by = EditedBy.AUTHOR


async def _tell(viewer: Viewer, changes: list[_Change], writes: Gathered) -> None:
    """Promise the mails about changes, and withdraw those that are true no longer."""
    for change in changes:
        for kind in _untrue(change):
            because = "the review was decided anew"
            await mailers.withdraw(kind, about=change.review.id, because=because, writes=writes)
    published = [each for each in changes if each.is_published or each.publishes_an_edit]
    await _tell_vendors(published, writes)
    await _tell_authors(viewer, changes, writes)
    waiting = [each.review for each in changes if each.waits]
    if waiting:
        settings = await site_settings.current()
        actor = viewer.external_id
        await team_notices.tell_of_waiting(waiting, settings, actor=actor, writes=writes)


def _untrue(change: _Change) -> Collection[str]:
    """The mails that are not to be sent any more."""
    if change.refuses_an_edit:
        return ()
    if change.publishes_an_edit:
        return (*TELL_OF_HIDDEN, "review.edited")
    return TELL_OF_HIDDEN if change.review.is_public else TELL_OF_PUBLIC


async def _tell_vendors(published: list[_Change], writes: Gathered) -> None:
    """Of a review's publication a vendor is told once, and then of what its author changed."""
    vendors = await _by_id(Vendor, {each.review.vendor_id for each in published})
    for change in published:
        review, to = change.review, vendors[change.review.vendor_id]
        if change.is_published:
            await mailers.deliver_later("review.received", to=to, about=review, writes=writes)
        if change.shows_an_edit:
            await mailers.deliver_later(
                "review.edited",
                to=to,
                about=review,
                occasion=str(review.edited_at),
                writes=writes,
            )


async def _tell_authors(viewer: Viewer, changes: list[_Change], writes: Gathered) -> None:
    news = [(change, kind) for change in changes if (kind := _news(change))]
    authors = await _by_id(Customer, {change.review.customer_id for change, _ in news})
    for change, kind in news:
        to = authors[change.review.customer_id]
        if to.external_id == viewer.external_id:
            continue
        await mailers.deliver_later(
            kind,
            to=to,
            about=change.review,
            occasion=clock.now().isoformat(),
            writes=writes,
            **_of_a_refused_edit(change),
        )


def _news(change: _Change) -> str | None:
    """The mail about the change to its author."""
    if change.is_published or change.publishes_an_edit:
        return "review.published"
    if change.is_hidden:
        return "review.withdrawn"
    if change.refuses_an_edit:
        return "review.edit_rejected"
    return "review.rejected" if change.is_rejection else None


def _of_a_refused_edit(change: _Change) -> dict[str, Any]:
    """What the mail tells of an edit that is kept nowhere else."""
    pending, decision = change.pending, change.decision
    if not change.refuses_an_edit or pending is None or decision.reason is None:
        return {}
    words = {name: getattr(pending, name) for name in MAIN}
    return {"refused": {**words, "reason": decision.reason.value, "note": change.note}}


async def _by_id(model: type[Party], ids: Collection[UUID]) -> dict[UUID, Party]:
    if not ids:
        return {}
    statement = (
        f"SELECT {sql.columns(model, 't')} FROM {model._meta.db_table} t"
        f" WHERE t.id IN ({sql.places(ids)})"
    )
    return {row.id: row for row in await sql.objects(model, statement, *ids)}
