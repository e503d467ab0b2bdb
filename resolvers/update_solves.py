"""Solve an order update, or open it again as the team or as its customer."""

from datetime import timedelta
from uuid import UUID

import mailers
from models import Customer, OrderUpdate, clock, sql
from models.database import transaction
from models.uuid7 import uuid7
from resolvers import (
    rights,
    site_settings,
    team_members,
    team_notices,
    tracking_log,
    update_notes,
    user_text,
)
from resolvers.errors import Conflict, Invalid, NotSolved, UpdateClosed
from resolvers.frequency import limit_frequency
from resolvers.update_actions import must_be_customer
from resolvers.update_lookup import must_find
from resolvers.viewer import Viewer

# The separate mail that asks for a rating leaves the customer time to rate without it.
RATING_REQUEST_DELAY = timedelta(days=1)

# Each of these decides a race: the loser changes no row, and its refusal gives the new state.
_SOLVE = """
UPDATE order_update SET status = 'SOLVED', solves = solves + 1, solved_at = ?,
  team_activity_at = ?, customer_activity_at = ?
WHERE id = ? AND status = 'OPEN'
RETURNING solves, assignee_id"""
_REOPEN = """
UPDATE order_update SET status = 'OPEN', solved_at = NULL, team_activity_at = ?,
  customer_activity_at = ?
WHERE id = ? AND status = 'SOLVED'"""
# Who was deactivated while the update was solved.
_UNASSIGN = "UPDATE order_update SET assignee_id = NULL WHERE id = ? AND assignee_id = ?"
_INSERT = """
INSERT INTO update_solve (id, update_id, number, solved_by_id, credited_to_id, customer_visible,
  notified, solved_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)"""


async def solve_update(
    viewer: Viewer, *, update_id: UUID, notify_customer: bool | None = None
) -> OrderUpdate:
    """Solve an open update, as the team, credited to its assignee, or else to the viewer.

    `notify_customer` is required for a customer-visible one: True promises the mail, which asks
    for a rating; False sends nothing.

    Raises Unauthenticated, NotFound, Forbidden, Invalid (notify_customer), UpdateClosed, Conflict
    (already solved).
    """
    rights.may_handle_updates(viewer)
    async with transaction():
        update = await must_find(viewer, update_id, hold=True)
        _must_be_open(update)
        notified = _checked_notify(update, notify_customer)
        await limit_frequency(viewer, update.order_id, "update_id")
        member, now = await team_members.acting_member(viewer), clock.now()
        changed = await sql.fetch(_SOLVE, now, now, now, update.id)
        if not changed:
            _must_be_open(await must_find(viewer, update_id))
        number, credited_to = changed[0]["solves"], changed[0]["assignee_id"] or member.id
        solve = (uuid7(), update.id, number, member.id, credited_to)
        await sql.execute(_INSERT, *solve, update.customer_visible, notified, now)
        await tracking_log.record(
            viewer, "update.solved", about=update, number=number, notified=notified
        )
        if notified and update.customer_external_id != viewer.external_id:
            await _notify_customer(update, number)
        return await must_find(viewer, update_id)


async def reopen_update(viewer: Viewer, *, update_id: UUID, note: str | None = None) -> OrderUpdate:
    """Reopen a solved update that is not rated yet, as the team. The note is internal.

    Raises Unauthenticated, NotFound, Forbidden, NotSolved, UpdateClosed, BodyTooLong.
    """
    rights.may_handle_updates(viewer)
    async with transaction():
        update = await must_find(viewer, update_id)
        _must_be_solved(update)
        await limit_frequency(viewer, update.order_id, "update_id")
        member = await team_members.acting_member(viewer)
        await _reopen(viewer, update)
        await tracking_log.record(viewer, "update.reopened", about=update, number=update.solves)
        if body := user_text.optional_body(note, "note"):
            await update_notes.write(viewer, update, body, member=member, internal=True)
        return await must_find(viewer, update_id)


async def report_still_has_issue(
    viewer: Viewer, *, update_id: UUID, note: str | None = None
) -> OrderUpdate:
    """Reopen a solved update that is not rated yet, as the customer, without the team.

    Raises Unauthenticated, NotFound, Forbidden, NotSolved, UpdateClosed, BodyTooLong.
    """
    rights.may_judge_updates(viewer)
    async with transaction():
        update = await must_find(viewer, update_id)
        must_be_customer(viewer, update)
        _must_be_solved(update)
        await limit_frequency(viewer, update.order_id, "update_id")
        await _reopen(viewer, update)
        await tracking_log.record(
            viewer, "update.still_has_issue", about=update, number=update.solves
        )
        body = user_text.optional_body(note, "note")
        note_id = await update_notes.write(viewer, update, body, member=None) if body else None
        await team_notices.tell_team(
            "update.still_has_issue",
            update,
            await site_settings.current(),
            occasion=str(update.solves),
            note_id=str(note_id) if note_id else None,
        )
        return await must_find(viewer, update_id)


def _must_be_open(update: OrderUpdate) -> None:
    if update.is_closed:
        raise UpdateClosed("update_id")
    if update.is_solved:
        raise Conflict("update_id", message="The update is solved already.")


def _must_be_solved(update: OrderUpdate) -> None:
    if update.is_closed:
        raise UpdateClosed("update_id")
    if not update.is_solved:
        raise NotSolved("update_id")


def _checked_notify(update: OrderUpdate, notify_customer: bool | None) -> bool:
    if update.customer_visible and notify_customer is None:
        raise Invalid(
            "notify_customer",
            message="Say whether the customer is told: true by mail, false silently.",
        )
    if notify_customer and not update.customer_visible:
        raise Invalid("notify_customer", message="The customer cannot see an internal update.")
    return bool(notify_customer)


async def _notify_customer(update: OrderUpdate, number: int) -> None:
    settings = await site_settings.current()
    customer = await Customer.get(external_id=update.customer_external_id)
    await mailers.deliver_later(
        "update.solved", to=customer, about=update, occasion=str(number), solve=number
    )
    if settings.ratings_enabled and settings.rating_request_enabled:
        await mailers.deliver_later(
            "update.rating_request",
            to=customer,
            about=update,
            due_at=clock.now() + RATING_REQUEST_DELAY,
            occasion=str(number),
            solve=number,
        )


async def _reopen(viewer: Viewer, update: OrderUpdate) -> None:
    now = clock.now()
    assignee = update.assignee_id
    has_left = assignee is not None and not await team_members.hold_active(assignee)
    if not await sql.execute(_REOPEN, now, now, update.id):
        _must_be_solved(await must_find(viewer, update.id))
    for mail in ("update.solved", "update.rating_request"):
        await mailers.withdraw(mail, about=update.id, because="it was reopened")
    if has_left and await sql.execute(_UNASSIGN, update.id, assignee):
        because = "the assignee is not active"
        await tracking_log.record(viewer, "update.unassigned", about=update, reason=because)
