"""A person's inbox in the app."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from functools import partial
from uuid import UUID

from mailers import NOTIFICATIONS
from models import Audience, Notification, clock, sql
from resolvers import rights
from resolvers.errors import Invalid
from resolvers.keyset import Page, PageRequest, newest
from resolvers.scoped_pages import Listing, Run, count_runs, list_runs
from resolvers.viewer import NEVER, Condition, Role, Viewer

MAX_MARKED = 100
# A badge shows "99+" beyond.
MAX_UNREAD = 100
_NEWEST = newest("n")
_LISTING = Listing(Notification, sql.columns(Notification, "n"), "notification n")


# Every kind of notification by its name in the API. Values are stored: never rename one.
NotificationKind = StrEnum(  # type: ignore[misc] # made from the one list of mails
    "NotificationKind", {name.replace(".", "_").upper(): name for name in NOTIFICATIONS}
)

# What each kind means; the API's descriptions.
DESCRIPTIONS = {kind.name: NOTIFICATIONS[kind.value] for kind in NotificationKind}
_INBOX = "n.audience = ? AND n.recipient = ?"
_KNOWN = sql.one_of("n.kind", NotificationKind)


def visible_notifications(viewer: Viewer) -> Condition:
    """The notifications `n` of this viewer that are due."""
    own = own_notifications(viewer)
    return Condition(f"{own.text} AND {_KNOWN} AND n.created_at <= ?", (*own.values, clock.now()))


def own_notifications(viewer: Viewer) -> Condition:
    """The notifications `n` of this viewer, including future ones."""
    own = inboxes(viewer)
    if not own:
        return NEVER
    parts = " OR ".join([f"({_INBOX})"] * len(own))
    return Condition(f"({parts})", tuple(value for pair in own for value in pair))


def inboxes(viewer: Viewer) -> list[tuple[Audience, str | None]]:
    """The inboxes that the viewer reads: the person's own, and that of the vendor they act for."""
    own = [(Audience.CUSTOMER, viewer.external_id)] if viewer.is_person else []
    if viewer.role is Role.VENDOR:
        own.append((Audience.VENDOR, viewer.vendor))
    if viewer.is_team:
        own.append((Audience.TEAM, viewer.external_id))
    if viewer.is_admin:
        own.append((Audience.ADMIN, "admin"))
    return own


async def list_notifications(
    viewer: Viewer, request: PageRequest, *, unread_only: bool, count: bool
) -> Page[Notification]:
    """A page of the viewer's notifications, newest first."""
    runs = _due_in_each_inbox(viewer, unread_only=unread_only, request=request)
    totals = partial(count_runs, _LISTING.tables, "n.id", [runs]) if count else None
    (page,) = await list_runs(_LISTING, [runs], _NEWEST, request, totals=totals)
    return page


async def unread_count(viewer: Viewer) -> int:
    """How many of the viewer's notifications are unread, counted to MAX_UNREAD."""
    unread = _due_in_each_inbox(viewer, unread_only=True)
    (total,) = await count_runs(_LISTING.tables, "n.id", [unread], MAX_UNREAD)
    return total.number


def _due_in_each_inbox(
    viewer: Viewer, *, unread_only: bool, request: PageRequest | None = None
) -> list[Run]:
    """The notifications `n` of each of the viewer's inboxes."""
    unread = " AND n.read_at IS NULL" if unread_only else ""
    due = sql.without_index("n.created_at") if request and request.after else "n.created_at"
    text, now = f"{_INBOX} AND {_KNOWN} AND {due} <= ?{unread}", clock.now()
    return [Run(Condition(text, (*inbox, now))) for inbox in inboxes(viewer)]


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Notification]:
    """The viewer's own among these notifications, by their ids."""
    visible = visible_notifications(viewer)
    rows = await sql.objects(
        Notification,
        f"SELECT {_LISTING.columns} FROM {_LISTING.tables}"
        f" WHERE n.id IN ({sql.places(ids)}) AND {visible.text}",
        *ids,
        *visible.values,
    )
    return {row.id: row for row in rows}


async def mark_read(viewer: Viewer, *, ids: Sequence[UUID] | None, everything: bool) -> None:
    """Mark notifications as read: those with these ids, or all. An earlier read time stays.

    Raises Unauthenticated, Forbidden (guests, keys), Invalid (neither or both given, more than
    MAX_MARKED ids).
    """
    rights.may_read_notifications(viewer)
    if everything == (ids is not None):
        raise Invalid("ids", message="Give ids, or all: true.")
    if ids is not None and len(ids) > MAX_MARKED:
        raise Invalid("ids", message=f"Mark {MAX_MARKED} notices at most at once.")
    if ids == []:
        return
    visible = visible_notifications(viewer)
    selected = f" AND n.id IN ({sql.places(ids)})" if ids is not None else ""
    await sql.execute(
        "UPDATE notification SET read_at = ? WHERE read_at IS NULL AND id IN"
        f" (SELECT n.id FROM notification n WHERE {visible.text}{selected})",
        clock.now(),
        *visible.values,
        *(ids or ()),
    )
