"""A person's inbox in the app."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from uuid import UUID

from mailers import NOTIFICATIONS, message
from models import Audience, Notification, clock, sql
from models.database import transaction
from models.uuid7 import uuid7
from resolvers import rights
from resolvers.errors import Invalid
from resolvers.keyset import FIRST_PAGE, Page, PageRequest, newest
from resolvers.scoped_pages import Listing, Run, beside_cursors, count_runs, list_runs
from resolvers.viewer import NEVER, Condition, Role, Viewer

__all__ = ["message"]

MAX_MARKED = 100
# A badge shows "99+" beyond.
MAX_UNREAD = 100
_NEWEST = newest("n")
# An inbox with more unread ones is marked as a whole, instead of each.
MAX_MARKED_SINGLY = 1_000
# The newest are always marked singly: others may be committed late, and dated before.
_LATE = timedelta(minutes=1)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_MARKS = "FROM inbox_mark k WHERE k.audience = n.audience AND k.recipient = n.recipient"
_FIRST_MARK = f"{_MARKS} AND k.read_until >= n.created_at ORDER BY k.read_until LIMIT 1"
_OWN_COLUMNS = tuple(name for name in Notification._meta.fields_map if name != "read_at")
_COLUMNS = (
    f"{sql.columns(Notification, 'n', only=_OWN_COLUMNS)},"
    f" COALESCE(n.read_at, (SELECT k.marked_at {_FIRST_MARK})) AS read_at"
)
_LISTING = Listing(Notification, _COLUMNS, "notification n")
_LAST_MARK = "(SELECT MAX(k.read_until) FROM inbox_mark k WHERE k.audience = ? AND k.recipient = ?)"
_MARK_ALL = """
INSERT INTO inbox_mark (id, audience, recipient, read_until, marked_at) VALUES (?, ?, ?, ?, ?)"""


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
    viewer: Viewer, *, unread_only: bool, request: PageRequest = FIRST_PAGE
) -> list[Run]:
    """The notifications `n` of each of the viewer's inboxes."""
    later, due = beside_cursors("n.created_at", request)
    text, now = f"{_INBOX} AND {_KNOWN} AND {due} <= ?", clock.now()
    if not unread_only:
        return [Run(Condition(text, (*inbox, now))) for inbox in inboxes(viewer)]
    unread = f"{text} AND n.read_at IS NULL AND {later} > COALESCE({_LAST_MARK}, ?)"
    return [Run(Condition(unread, (*inbox, now, *inbox, _LONG_AGO))) for inbox in inboxes(viewer)]


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
    if ids is not None:
        visible = visible_notifications(viewer)
        unread = (
            f"n.read_at IS NULL AND NOT EXISTS (SELECT 1 {_MARKS} AND k.read_until >= n.created_at)"
        )
        text = f"{visible.text} AND {unread} AND n.id IN ({sql.places(ids)})"
        await _mark_singly(Condition(text, (*visible.values, *ids)))
        return
    async with transaction():
        await _mark_all(viewer)


async def _mark_all(viewer: Viewer) -> None:
    now = clock.now()
    unread = _due_in_each_inbox(viewer, unread_only=True)
    for inbox, run in zip(inboxes(viewer), unread, strict=True):
        (total,) = await count_runs(_LISTING.tables, "n.id", [[run]], MAX_MARKED_SINGLY)
        if not total.is_exact:
            await sql.execute(_MARK_ALL, uuid7(), *inbox, now - _LATE, now)
        # Those after the mark, if there is one now.
        await _mark_singly(run.where)


async def _mark_singly(unread: Condition) -> None:
    await sql.execute(
        "UPDATE notification SET read_at = ? WHERE read_at IS NULL AND id IN"
        f" (SELECT n.id FROM notification n WHERE {unread.text})",
        clock.now(),
        *unread.values,
    )
