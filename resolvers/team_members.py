"""Members of the team: their rows are made from their tokens when they first act."""

from collections.abc import Collection
from uuid import UUID

import mailers
from models import Audience, TeamMember, TeamRole, clock, sql
from models.email_address import normalised
from models.team_member import folded_name
from models.uuid7 import uuid7
from resolvers import user_text
from resolvers.errors import NotFound
from resolvers.ref import Ref
from resolvers.viewer import ALWAYS, Condition, Viewer, visible_updates

NAMELESS = "Team"

_SELECT = f"SELECT {sql.columns(TeamMember, 'm')} FROM team_member m"
_UPSERT = """
INSERT INTO team_member (id, external_id, display_name, name_folded, email, role, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (external_id) DO UPDATE SET display_name = excluded.display_name,
  name_folded = excluded.name_folded, email = excluded.email, role = excluded.role"""


async def acting_member(viewer: Viewer) -> TeamMember:
    """The row of a viewer of the team, created or updated from their token.

    Called in the transaction of their act. Values that the token lacks stay as stored; its role
    replaces the stored one.
    """
    name, email, role = _public_name(viewer.display_name), _email(viewer), TeamRole(viewer.role)
    stored = await find_member(Ref(external_id=viewer.external_id))
    if stored is not None:
        name, email = name or stored.display_name, email or stored.email
        if (stored.display_name, stored.email, stored.role) == (name, email, role):
            return stored
    name = name or _public_name(viewer.external_id) or NAMELESS
    who = (viewer.external_id, name, folded_name(name, viewer.external_id or ""))
    await sql.execute(_UPSERT, uuid7(), *who, email, role, clock.now())
    return await must_find(Ref(external_id=viewer.external_id))


async def find_member(ref: Ref) -> TeamMember | None:
    """A member of the team who has acted before."""
    named = ref.names("m")
    members = await sql.objects(TeamMember, f"{_SELECT} WHERE {named.text}", *named.values)
    return members[0] if members else None


async def must_find(ref: Ref, *field: str) -> TeamMember:
    """The same. Raises NotFound."""
    member = await find_member(ref)
    if member is None:
        raise NotFound(*field, message="Nobody of the team with this id has ever acted here.")
    return member


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, TeamMember]:
    """The members that exist for this viewer, by their ids.

    The team sees all; others see who is assigned to, or credited with the rated solve of, an
    update that they may see.
    """
    if not ids:
        return {}
    visible = _visible_members(viewer)
    statement = f"{_SELECT} WHERE m.id IN ({sql.places(ids)}) AND {visible.text}"
    members = await sql.objects(TeamMember, statement, *ids, *visible.values)
    return {member.id: member for member in members}


async def active_members(*roles: TeamRole) -> list[TeamMember]:
    """The active members with one of these roles, by id: to whom mails and notifications go."""
    return await sql.objects(
        TeamMember,
        f"{_SELECT} WHERE m.deactivated_at IS NULL AND m.role IN ({sql.places(roles)})"
        " ORDER BY m.id",
        *roles,
    )


def addressee(member: TeamMember) -> mailers.Addressee:
    """The addressee of the member's mails and notifications."""
    return mailers.Addressee(Audience.TEAM, member.external_id, member.email)


def _visible_members(viewer: Viewer) -> Condition:
    if viewer.is_team:
        return ALWAYS
    updates = visible_updates(viewer)
    return Condition(
        "EXISTS (SELECT 1 FROM order_update u JOIN orders o ON o.id = u.order_id"
        " WHERE (u.assignee_id = m.id OR EXISTS (SELECT 1 FROM update_solve s"
        " WHERE s.update_id = u.id AND s.credited_to_id = m.id AND s.stars IS NOT NULL))"
        f" AND {updates.text})",
        updates.values,
    )


def _public_name(name: str | None) -> str | None:
    """The name as customers may see it; None if it is blank or an e-mail address."""
    cleaned = user_text.line(name or "")[:200]
    return None if "@" in cleaned else cleaned or None


def _email(viewer: Viewer) -> str | None:
    try:
        return normalised(viewer.email or "")
    except ValueError:
        return None
