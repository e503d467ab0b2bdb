"""Open an order update, and assign it to a member of the team."""

from uuid import UUID

import mailers
from models import OrderUpdate, TeamMember, clock, sql
from models.database import transaction
from models.uuid7 import uuid7
from resolvers import (
    orders,
    review_eligibility,
    rights,
    site_settings,
    team_members,
    team_notices,
    tracking_log,
    update_notes,
    user_text,
)
from resolvers.errors import Forbidden, NotFound, UpdateClosed
from resolvers.frequency import limit_frequency
from resolvers.ref import Ref
from resolvers.refusals import collect_refusals
from resolvers.update_lookup import must_find
from resolvers.viewer import Viewer

MAX_TITLE = 200

_OPEN = """
INSERT INTO order_update (id, order_id, customer_id, vendor_id, title, status, customer_visible,
  assignee_id, solves, created_at, team_activity_at, customer_activity_at)
SELECT ?, o.id, o.customer_id, o.vendor_id, ?, 'OPEN', ?, ?, 0, ?, ?, ?
FROM orders o WHERE o.id = ?"""
_ASSIGN = """
UPDATE order_update SET assignee_id = ?, team_activity_at = ?
WHERE id = ? AND status <> 'CLOSED'"""


async def open_update(
    viewer: Viewer,
    *,
    order: Ref,
    title: str,
    message: str | None = None,
    customer_visible: bool = True,
    assignee: Ref | None = None,
) -> OrderUpdate:
    """Open an update of an order, as the team or as the order's customer.

    The message, if given, becomes its first note. Only the team opens internal updates and assigns
    them.

    Raises Unauthenticated, NotFound (the order or the assignee), Forbidden, Invalid (title),
    BodyTooLong, Conflict (the assignee is not active).
    """
    rights.may_open_updates(viewer, customer_visible=customer_visible, assignee=assignee)
    async with transaction():
        row = await orders.find_order(viewer, order)
        if row is None:
            raise NotFound("order", message="There is no such order, or it is not yours.")
        if not viewer.is_team and not review_eligibility.is_customer(viewer, row):
            raise Forbidden("order", message="Only the order's customer and the team open updates.")
        member = await team_members.acting_member(viewer) if viewer.is_team else None
        assigned = await team_members.must_find_active(assignee, "assignee") if assignee else None
        with collect_refusals() as check:
            name = check(user_text.title, title, "title", at_most=MAX_TITLE)
            body = check(user_text.optional_body, message, "message")
        await limit_frequency(viewer, row.id, "order")
        update_id, now = uuid7(), clock.now()
        assigned_id = assigned.id if assigned else None
        # So that its parties do not change before the update is stored.
        await orders.hold(row.id)
        values = (update_id, name, customer_visible, assigned_id, now, now, now, row.id)
        await sql.execute(_OPEN, *values)
        update = await must_find(viewer, update_id)
        await tracking_log.record(
            viewer, "update.opened", about=update, customer_visible=customer_visible
        )
        if assigned:
            await _record_assignment(viewer, update, assigned)
        note_id = await update_notes.write(viewer, update, body, member=member) if body else None
        if member is None:
            await team_notices.tell_team(
                "update.opened",
                update,
                await site_settings.current(),
                note_id=str(note_id) if note_id else None,
            )
        elif note_id:
            await update_notes.tell_customer(viewer, update, note_id)
    return update


async def assign_update(
    viewer: Viewer, *, update_id: UUID, assignee: Ref | None = None
) -> OrderUpdate:
    """Assign an update to a member of the team, or to nobody. The same again changes nothing.

    Earlier solves keep their credit.
    Raises Unauthenticated, NotFound (the update or the assignee), Forbidden, UpdateClosed, Conflict
    (the assignee is not active).
    """
    rights.may_handle_updates(viewer)
    async with transaction():
        update = await must_find(viewer, update_id)
        if update.is_closed:
            raise UpdateClosed("update_id")
        await team_members.acting_member(viewer)
        member = await team_members.must_find_active(assignee, "assignee") if assignee else None
        member_id = member.id if member else None
        if update.assignee_id == member_id:
            return update
        await limit_frequency(viewer, update.order_id, "update_id")
        if not await sql.execute(_ASSIGN, member_id, clock.now(), update.id):
            raise UpdateClosed("update_id")
        await _record_assignment(viewer, update, member)
        return await must_find(viewer, update_id)


async def _record_assignment(
    viewer: Viewer, update: OrderUpdate, member: TeamMember | None
) -> None:
    """Log the assignment, and tell the new assignee unless they took it themselves."""
    because = "it was assigned anew"
    await mailers.withdraw("update.assigned", about=update.id, because=because)
    if member is None:
        await tracking_log.record(viewer, "update.unassigned", about=update)
        return
    await tracking_log.record(viewer, "update.assigned", about=update, assignee=member.external_id)
    if member.external_id != viewer.external_id:
        await mailers.deliver_later(
            "update.assigned",
            to=team_members.addressee(member),
            about=update,
            occasion=clock.now().isoformat(),
            member=member.external_id,
        )
