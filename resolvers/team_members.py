"""The team, as far as Candor has met it: rows come from tokens, when somebody first acts."""

from collections.abc import Collection
from uuid import UUID

import mailers
from models import Audience, TeamMember, clock, sql
from models.email_address import normalised
from models.uuid7 import uuid7
from resolvers import user_text
from resolvers.errors import NotFound
from resolvers.ref import Ref
from resolvers.viewer import Condition, Viewer, visible_updates

NAMELESS = "Team"

_SELECT = f"SELECT {sql.columns(TeamMember, 'm')} FROM team_member m"
_UPSERT = """
INSERT INTO team_member (id, external_id, display_name, email, created_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (external_id) DO UPDATE SET display_name = excluded.display_name,
  email = excluded.email"""


async def acting_member(viewer: Viewer) -> TeamMember:
    """The row of a viewer of the team, made when they first act, with what their token says now.

    Called in the transaction of the act. What a token does not say stays as it is known.
    """
    name, email = _public_name(viewer.display_name), _email(viewer)
    known = await find_member(Ref(external_id=viewer.external_id))
    if known is not None:
        name, email = name or known.display_name, email or known.email
        if (known.display_name, known.email) == (name, email):
            return known
    name = name or _public_name(viewer.external_id) or NAMELESS
    await sql.execute(_UPSERT, uuid7(), viewer.external_id, name, email, clock.now())
    return await must_find(Ref(external_id=viewer.external_id))


async def find_member(ref: Ref) -> TeamMember | None:
    """Somebody of the team who has acted before."""
    named = ref.names("m")
    found = await sql.objects(TeamMember, f"{_SELECT} WHERE {named.text}", *named.values)
    return found[0] if found else None


async def must_find(ref: Ref, *field: str) -> TeamMember:
    """The same, or NotFound."""
    member = await find_member(ref)
    if member is None:
        raise NotFound(*field, message="Nobody of the team with this id has ever acted here.")
    return member


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, TeamMember]:
    """Those of the members that exist for this viewer, by their ids.

    The team knows itself; others know who is assigned to, or credited with, an update of theirs.
    """
    if not ids:
        return {}
    visible = _visible_members(viewer)
    statement = f"{_SELECT} WHERE m.id IN ({sql.places(ids)}) AND {visible.text}"
    found = await sql.objects(TeamMember, statement, *ids, *visible.values)
    return {member.id: member for member in found}


def addressee(member: TeamMember) -> mailers.Addressee:
    """Where the member's mails and notices go."""
    return mailers.Addressee(Audience.TEAM, member.external_id, member.email)


def _visible_members(viewer: Viewer) -> Condition:
    if viewer.is_team:
        return Condition("m.id = m.id")
    updates = visible_updates(viewer)
    return Condition(
        "EXISTS (SELECT 1 FROM order_update u JOIN orders o ON o.id = u.order_id"
        " WHERE (u.assignee_id = m.id OR EXISTS (SELECT 1 FROM update_solve s"
        " WHERE s.update_id = u.id AND s.credited_to_id = m.id AND s.stars IS NOT NULL))"
        f" AND {updates.text})",
        updates.values,
    )


def _public_name(name: str | None) -> str | None:
    """A name that customers may read; None for none, and for an e-mail address."""
    cleaned = user_text.line(name or "")[:200]
    return None if "@" in cleaned else cleaned or None


def _email(viewer: Viewer) -> str | None:
    try:
        return normalised(viewer.email or "")
    except ValueError:
        return None
