"""Notes under an order update: by the customer, by the team, and internal ones."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

import mailers
from models import Customer, OrderUpdate, TeamMember, UpdateNote, clock, sql
from models.database import transaction
from models.uuid7 import uuid7
from resolvers import (
    rights,
    site_settings,
    team_members,
    team_notices,
    tracking_log,
    user_text,
)
from resolvers.errors import Conflict, UpdateClosed
from resolvers.frequency import limit_frequency
from resolvers.keyset import Page, PageRequest, newest
from resolvers.scoped_pages import Listing, all_of, list_pages
from resolvers.update_actions import must_be_party
from resolvers.update_lookup import CUSTOMER, TABLES, must_find
from resolvers.viewer import Condition, Viewer, visible_notes, visible_updates

_TABLES = f"{TABLES} JOIN update_note n ON n.update_id = u.id"
_AUTHOR = f"LEFT JOIN team_member m ON m.id = n.author_id {CUSTOMER}"
_COLUMNS = f"""{sql.columns(UpdateNote, "n")}, m.display_name AS author_name,
  c.display_name AS customer_name"""
_LISTING = Listing(UpdateNote, _COLUMNS, _TABLES, _AUTHOR)
# Threads are read from the beginning.
_OLDEST = replace(newest("n"), name="OLDEST", descending=False)

_INSERT = """
INSERT INTO update_note (id, update_id, author_id, body, internal, created_at)
VALUES (?, ?, ?, ?, ?, ?)"""
# The condition here, not an earlier read, decides the race with a solve or a rating.
_TOUCH = "UPDATE order_update SET {clocks} WHERE id = ? AND {state}"


async def post_note(
    viewer: Viewer, *, update_id: UUID, body: str, internal: bool = False
) -> OrderUpdate:
    """Post a note, as the team or as the customer; the other side gets a mail.

    The customer may post while the update is open, the team also while it is solved. Internal
    notes, and all notes of an internal update, are for the team only.

    Raises Unauthenticated, NotFound, Forbidden, UpdateClosed, Conflict (a customer under a solved
    update), BodyTooShort, BodyTooLong.
    """
    rights.may_write_notes(viewer, internal=internal)
    async with transaction():
        update = await must_find(viewer, update_id, hold=True)
        must_be_party(viewer, update)
        _must_accept_note(viewer, update)
        cleaned = user_text.body(body, "body", at_least=1)
        member = await team_members.acting_member(viewer) if viewer.is_team else None
        await _touch(viewer, update, internal=internal)
        note_id = await write(viewer, update, cleaned, member=member, internal=internal)
        if member is not None:
            await tell_customer(viewer, update, note_id, internal=internal)
        else:
            await team_notices.tell_team(
                "note.from_customer",
                update,
                await site_settings.current(),
                occasion=note_id.hex,
                note_id=str(note_id),
            )
        return await must_find(viewer, update_id)


async def write(
    viewer: Viewer,
    update: OrderUpdate,
    body: str,
    *,
    member: TeamMember | None,
    internal: bool = False,
) -> UUID:
    """Store a note by a member of the team, or by the customer; returns its id.

    Must run in a transaction that has changed, and so locked, the update's row. Raises TooOften.
    """
    await limit_frequency(viewer, update.order_id, "update_id")
    hidden = internal or not update.customer_visible
    note_id = uuid7()
    author_id = member.id if member else None
    await sql.execute(_INSERT, note_id, update.id, author_id, body, hidden, clock.now())
    await tracking_log.record(
        viewer, "note.posted", about=update, note_id=str(note_id), internal=hidden
    )
    return note_id


async def tell_customer(
    viewer: Viewer, update: OrderUpdate, note_id: UUID, *, internal: bool = False
) -> None:
    """Promise the customer the mail about a note of the team, unless it is hidden or their own."""
    is_hidden = internal or not update.customer_visible
    if is_hidden or update.customer_external_id == viewer.external_id:
        return
    await mailers.deliver_later(
        "note.from_staff",
        to=await Customer.get(external_id=update.customer_external_id),
        about=update,
        occasion=note_id.hex,
        note_id=str(note_id),
    )


async def list_notes(
    viewer: Viewer, updates: Sequence[UUID], request: PageRequest, *, count: bool
) -> list[Page[UpdateNote]]:
    """A page of notes for each update, oldest first, all in one statement."""
    conditions = [
        all_of(
            Condition("n.update_id = ?", (update_id,)),
            visible_updates(viewer),
            visible_notes(viewer),
        )
        for update_id in updates
    ]
    return await list_pages(_LISTING, conditions, _OLDEST, request, count=count)


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, UpdateNote]:
    """The notes that exist for this viewer, by their ids."""
    if not ids:
        return {}
    visible = all_of(visible_updates(viewer), visible_notes(viewer))
    by_id = f"n.id IN ({sql.places(ids)})"
    statement = f"SELECT {_COLUMNS} FROM {_TABLES} {_AUTHOR} WHERE {by_id} AND {visible.text}"
    notes = await sql.objects(UpdateNote, statement, *ids, *visible.values)
    return {note.id: note for note in notes}


def _must_accept_note(viewer: Viewer, update: OrderUpdate) -> None:
    """Raise the refusal if the update's current state allows the viewer no note."""
    if update.is_closed:
        raise UpdateClosed("update_id")
    if update.is_solved and not viewer.is_team:
        raise Conflict(
            "update_id",
            message="The update is solved. Say with reportStillHasIssue that it is not.",
        )


async def _touch(viewer: Viewer, update: OrderUpdate, *, internal: bool) -> None:
    now = clock.now()
    clocks = ["team_activity_at"] if internal else ["team_activity_at", "customer_activity_at"]
    statement = _TOUCH.format(
        clocks=", ".join(f"{name} = ?" for name in clocks),
        state="status <> 'CLOSED'" if viewer.is_team else "status = 'OPEN'",
    )
    if not await sql.execute(statement, *[now] * len(clocks), update.id):
        _must_accept_note(viewer, await must_find(viewer, update.id))
