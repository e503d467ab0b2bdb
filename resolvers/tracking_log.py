"""The tracking log: each step that somebody takes, recorded in the step's own transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from models import Order, OrderUpdate, Review, TeamMember, TrackingEvent, clock, sql
from models.one_round_trip import AT_ONCE, Writes
from models.uuid7 import uuid7
from resolvers import user_text
from resolvers.keyset import Page, PageRequest, newest
from resolvers.ref import Ref
from resolvers.scoped_pages import Listing, all_of, between, list_pages
from resolvers.viewer import Condition, Role, Viewer

_LISTING = Listing(TrackingEvent, sql.columns(TrackingEvent, "e"), "tracking_event e")
_NEWEST = newest("e", "at")
_RECORD = """
INSERT INTO tracking_event (id, at, kind, actor_role, actor, subject_type, subject_id, order_id,
  details)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""


class TrackingKind(StrEnum):
    """Every recorded kind of event. Values are stored: never rename one."""

    UPDATE_OPENED = "update.opened"
    UPDATE_ASSIGNED = "update.assigned"
    UPDATE_UNASSIGNED = "update.unassigned"
    UPDATE_SOLVED = "update.solved"
    UPDATE_REOPENED = "update.reopened"
    UPDATE_STILL_HAS_ISSUE = "update.still_has_issue"
    UPDATE_RATED = "update.rated"
    NOTE_POSTED = "note.posted"
    REVIEW_EDITED = "review.edited"
    REVIEW_APPROVED = "review.approved"
    REVIEW_REJECTED = "review.rejected"
    REVIEW_HELD = "review.held"
    REVIEW_DELETED = "review.deleted"
    REPLY_DELETED = "reply.deleted"
    MAIL_RETRIED = "mail.retried"
    MAIL_CANCELLED = "mail.cancelled"
    ORDER_HANDED_OVER = "order.handed_over"
    ORDER_STATUS_CHANGED = "order.status_changed"
    PERSON_CHANGED = "person.changed"
    SETTINGS_CHANGED = "settings.changed"
    MEMBER_CHANGED = "member.changed"
    MEMBER_DEACTIVATED = "member.deactivated"
    LINKS_REVOKED = "links.revoked"


_KNOWN = f"{sql.one_of('e.kind', TrackingKind)} AND {sql.one_of('e.actor_role', Role)}"


@dataclass(frozen=True)
class TrackingFilter:
    """Conditions that narrow the log; all of them must hold."""

    order: Ref | None = None
    update_id: UUID | None = None
    review_id: UUID | None = None
    actor: str | None = None
    kind: TrackingKind | None = None
    happened_after: datetime | None = None
    happened_before: datetime | None = None


async def record(
    viewer: Viewer,
    kind: str,
    *,
    about: Review | Order | OrderUpdate | TeamMember | None = None,
    order_id: UUID | None = None,
    writes: Writes = AT_ONCE,
    **details: Any,
) -> None:
    """Append an event: who (the viewer) did what (`kind`), to which row, now.

    It is part of the caller's transaction, or of `writes`.

    Raises ValueError for a kind that is not in TrackingKind.
    """
    if order_id is None and isinstance(about, Review | OrderUpdate):
        order_id = about.order_id
    subject = type(about).__name__ if about else "Site", about.id if about else None
    who = viewer.role.value, viewer.external_id
    of_order = about.id if isinstance(about, Order) else order_id
    named = TrackingKind(kind).value
    await writes.add(_RECORD, uuid7(), clock.now(), named, *who, *subject, of_order, details)


async def list_events(
    viewer: Viewer, filter: TrackingFilter, request: PageRequest, *, count: bool
) -> Page[TrackingEvent]:
    """A page of events, newest first, for the team. Raises Unauthenticated, Forbidden, Invalid."""
    viewer.must_be_team()
    (page,) = await list_pages(_LISTING, [_where(filter, request)], _NEWEST, request, count=count)
    return page


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, TrackingEvent]:
    """The events by their ids; for the team only."""
    if not ids or not viewer.is_team:
        return {}
    named = f"e.id IN ({sql.places(ids)})"
    statement = f"SELECT {_LISTING.columns} FROM {_LISTING.tables} WHERE {named} AND {_KNOWN}"
    return {event.id: event for event in await sql.objects(TrackingEvent, statement, *ids)}


def _where(filter: TrackingFilter, request: PageRequest) -> Condition:
    conditions = [Condition(_KNOWN)]
    if filter.order is not None:
        named = filter.order.id_in("orders")
        conditions.append(Condition(f"e.order_id = {named.text}", named.values))
    for type_name, key in (("OrderUpdate", filter.update_id), ("Review", filter.review_id)):
        if key is not None:
            conditions.append(
                Condition(f"e.subject_id = ? AND e.subject_type = '{type_name}'", (key,))
            )
    if filter.actor is not None:
        actor = user_text.identifier(filter.actor, "filter", "actor")
        conditions.append(Condition("e.actor = ?", (actor,)))
    if filter.kind is not None:
        # A literal, so that the planner knows how many rows have it.
        conditions.append(Condition(f"e.kind = '{filter.kind.value}'"))
    period = between("e.at", filter.happened_after, filter.happened_before, request)
    return all_of(*conditions, *period)
