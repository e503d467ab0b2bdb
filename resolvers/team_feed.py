"""Members of the team as the marketplace names them, known before they ever act."""

import copy
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import mailers
from models import OrderUpdate, TeamMember, TeamRole, clock, sql
from models.database import transaction
from models.email_address import normalised
from models.one_round_trip import AT_ONCE, Gathered
from models.team_member import folded_name
from models.uuid7 import uuid7
from resolvers import inactive_members, rights, team_members, tracking_log, user_text
from resolvers.errors import Conflict, Forbidden, Invalid, Refusal
from resolvers.order_facts import KEEP, Keep
from resolvers.refusals import collect_refusals
from resolvers.viewer import Viewer

MAX_MEMBERS = 500
MAX_NAME = 200

_WRITTEN = ("display_name", "name_folded", "email", "role", "deactivated_at")
_INSERTED = ("id", "external_id", *_WRITTEN, "created_at")
_UPDATE = f"UPDATE team_member SET {', '.join(f'{name} = ?' for name in _WRITTEN)} WHERE id = ?"
# Active admins, too: of two who end each other at once, the second must see what the first did.
_HOLD = f"""
SELECT {sql.columns(TeamMember, "m")} FROM team_member m
WHERE m.external_id IN ({{places}}) OR (m.role = 'ADMIN' AND m.deactivated_at IS NULL)
ORDER BY m.external_id{{lock}}"""
_UNASSIGN = """
UPDATE order_update SET assignee_id = NULL, team_activity_at = ?
WHERE assignee_id IN ({places}) AND status = 'OPEN' RETURNING id, order_id"""


class MemberOutcome(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"


@dataclass(frozen=True)
class MemberFacts:
    """What a row says of a member. None, or KEEP, leaves what is stored."""

    external_id: str
    display_name: str | None = None
    email: str | Keep | None = KEEP
    role: TeamRole | None = None
    active: bool | None = None


@dataclass
class MemberResult:
    """The result of one row: an outcome and the member, or the row's errors."""

    external_id: str
    outcome: MemberOutcome | None = None
    member: TeamMember | None = None
    errors: list[Refusal] = field(default_factory=list)


class _Row(NamedTuple):
    """A valid row, at its place in the batch."""

    place: int
    facts: MemberFacts
    result: MemberResult


class _Change(NamedTuple):
    """What a row did to a member."""

    member: TeamMember
    names: list[str]
    is_end: bool


class _CreatedMeanwhile(Exception):
    """Another writer has just created a member of the batch."""


async def upsert_members(viewer: Viewer, rows: Sequence[MemberFacts]) -> list[MemberResult]:
    """Store members of the team; returns one result per row, in the order of the rows.

    A bad row does not affect the others. Rows of one member are applied in the order given. What a
    row leaves out stays; a new member is active STAFF. Whoever becomes inactive is unassigned from
    open updates, gets no more mails and notifications, and is refused by every process.

    Raises Unauthenticated, Forbidden (neither admin nor a key with TEAM_WRITE), Invalid (over
    MAX_MEMBERS rows).
    """
    rights.may_write_team(viewer)
    if len(rows) > MAX_MEMBERS:
        raise Invalid("members", message=f"Send {MAX_MEMBERS} members at most at once.")
    results = [MemberResult(row.external_id) for row in rows]
    valid = []
    for place, (row, result) in enumerate(zip(rows, results, strict=True)):
        try:
            valid.append(_Row(place, _checked(row), result))
        except Refusal as refusal:
            _refuse(result, place, *refusal.all)
    while valid:
        try:
            async with transaction():
                await _store(viewer, valid)
        except _CreatedMeanwhile:
            continue
        break
    return results


def _checked(row: MemberFacts) -> MemberFacts:
    """The row as it is stored. Raises Refusals."""
    with collect_refusals() as check:
        check(user_text.identifier, row.external_id, "external_id")
        name = check(_name, row.display_name)
        email = check(_email, row.email)
    return MemberFacts(row.external_id, name, email, row.role, row.active)


def _name(given: str | None) -> str | None:
    if given is None:
        return None
    cleaned = user_text.line(given)
    if len(cleaned) > MAX_NAME or not user_text.visible_length(cleaned):
        raise Invalid("display_name", message=f"A name has 1 to {MAX_NAME} characters.")
    if "@" in cleaned:
        message = "Customers see the name: it is no e-mail address."
        raise Invalid("display_name", message=message)
    return cleaned


def _email(given: str | Keep | None) -> str | Keep | None:
    if given is None or isinstance(given, Keep):
        return given
    try:
        return normalised(given)
    except ValueError as error:
        raise Invalid("email", message=str(error)) from None


def _refuse(result: MemberResult, place: int, *refusals: Refusal) -> None:
    for refusal in refusals:
        refusal.field = ["members", str(place), *refusal.field]
    result.outcome = result.member = None
    result.errors = [*refusals]


async def _store(viewer: Viewer, rows: Sequence[_Row]) -> None:
    """Apply the rows one by one to the stored members, and write what they have changed."""
    if viewer.is_person:
        await team_members.acting_member(viewer)
    before = await _held({row.facts.external_id for row in rows})
    members, changes = dict(before), list[_Change]()
    for row in rows:
        row.result.errors = []
        try:
            changes += _apply(viewer, row, members)
        except Refusal as refusal:
            _refuse(row.result, row.place, refusal)
    for row in rows:
        if not row.result.errors:
            row.result.member = members[row.facts.external_id]
    changed = {change.member.external_id for change in changes}
    await _write([members[name] for name in sorted(changed)], before)
    await _record(viewer, changes)
    ended = [members[name] for name in sorted(changed) if not members[name].is_active]
    if ended:
        await _end(viewer, ended)
    if any(change.is_end or "active" in change.names for change in changes):
        AT_ONCE.after_commit(inactive_members.read_again)


async def _held(names: Collection[str]) -> dict[str, TeamMember]:
    """These members and all active admins, by their external ids, locked against other writers."""
    lock = " FOR NO KEY UPDATE" if sql.is_postgres() else ""
    statement = _HOLD.format(places=sql.places(names), lock=lock)
    return {row.external_id: row for row in await sql.objects(TeamMember, statement, *names)}


def _apply(viewer: Viewer, row: _Row, members: dict[str, TeamMember]) -> list[_Change]:
    """Apply a row to the members. Raises Forbidden, Conflict."""
    stored = members.get(row.facts.external_id)
    after, names = _changed(stored, row.facts)
    is_end = not after.is_active and (stored is None or stored.is_active)
    _check_admins(viewer, stored, after, members)
    row.result.outcome = (
        MemberOutcome.CREATED
        if stored is None
        else MemberOutcome.UPDATED
        if names or is_end
        else MemberOutcome.UNCHANGED
    )
    if row.result.outcome is MemberOutcome.UNCHANGED:
        return []
    members[after.external_id] = after
    return [_Change(after, names, is_end)]


def _changed(stored: TeamMember | None, facts: MemberFacts) -> tuple[TeamMember, list[str]]:
    """The member after a row, and the names of what it changes, but for their end."""
    now = clock.now()
    after = copy.copy(stored) if stored else _new_member(facts, now)
    given: dict[str, Any] = {
        "display_name": facts.display_name,
        "email": facts.email,
        "role": facts.role.value if facts.role else None,
    }
    names = []
    for name, value in given.items():
        is_given = value is not KEEP if name == "email" else value is not None
        if is_given and (stored is None or getattr(stored, name) != value):
            setattr(after, name, value)
            names.append(name)
    after.name_folded = folded_name(after.display_name, after.external_id)
    if facts.active is False and after.is_active:
        after.deactivated_at = now
    elif facts.active and not after.is_active:
        after.deactivated_at = None
        names.append("active")
    return after, names


def _new_member(facts: MemberFacts, now: Any) -> TeamMember:
    return sql.fresh(
        TeamMember,
        id=uuid7(),
        external_id=facts.external_id,
        display_name=team_members.name_for(facts.external_id),
        role=TeamRole.STAFF.value,
        created_at=now,
    )


def _check_admins(
    viewer: Viewer, before: TeamMember | None, after: TeamMember, members: dict[str, TeamMember]
) -> None:
    """A key makes and ends no admins, and nobody ends the last one."""
    was_admin = before is not None and before.role == TeamRole.ADMIN
    is_admin = after.role == TeamRole.ADMIN
    was_active = before is not None and before.is_active
    if not viewer.is_admin and (
        was_admin is not is_admin or (is_admin and was_active is not after.is_active)
    ):
        raise Forbidden("role", message="A key neither makes nor ends an admin.")
    if not (was_admin and was_active) or after.is_active:
        return
    others = (each for name, each in members.items() if name != after.external_id)
    if not any(each.is_active and each.role == TeamRole.ADMIN for each in others):
        message = "This is the last active admin who is known here. Name another one first."
        raise Conflict("active", message=message)


async def _write(members: Sequence[TeamMember], before: dict[str, TeamMember]) -> None:
    new = [each for each in members if each.external_id not in before]
    rows = [[getattr(each, name) for name in _INSERTED] for each in new]
    if len(await sql.insert_new("team_member", _INSERTED, rows)) < len(new):
        raise _CreatedMeanwhile
    updates = Gathered()
    for each in members:
        if each.external_id in before:
            await updates.add(_UPDATE, *(getattr(each, name) for name in _WRITTEN), each.id)
    await updates.run()


async def _record(viewer: Viewer, changes: Sequence[_Change]) -> None:
    writes = Gathered()
    for member, names, is_end in changes:
        record = partial(
            tracking_log.record, viewer, about=member, writes=writes, member=member.external_id
        )
        if names or not is_end:
            await record("member.changed", changed=names, role=member.role)
        if is_end:
            await record("member.deactivated")
    await writes.run()


async def _end(viewer: Viewer, members: Sequence[TeamMember]) -> None:
    """Unassign them from open updates, and withdraw what they were going to get."""
    keys = [member.id for member in members]
    freed = await sql.fetch(_UNASSIGN.format(places=sql.places(keys)), clock.now(), *keys)
    writes = Gathered()
    for row in freed:
        update = OrderUpdate(id=row["id"], order_id=row["order_id"])
        because = "the assignee was deactivated"
        await tracking_log.record(
            viewer, "update.unassigned", about=update, writes=writes, reason=because
        )
    await writes.run()
    await mailers.withdraw_from_team(
        [member.external_id for member in members], because="the member is not active"
    )
