"""Live streams: reviews as they are published, the viewer's notifications as they fall due."""

import heapq
from collections.abc import AsyncGenerator
from datetime import datetime
from uuid import UUID

from models import Notification, Review, announcements, clock, sql
from models.announcements import Announcement
from models.one_round_trip import AT_ONCE, Writes
from resolvers import notifications, services
from resolvers.errors import NotFound, Unauthenticated
from resolvers.ref import Ref
from resolvers.review_lookup import by_ids
from resolvers.viewer import ANONYMOUS, Viewer

_REVIEW, _NOTIFICATION = "review", "notification"
# Future notifications that one listener waits for; any further ones still appear in the inbox.
_MAX_AWAITED = 100


async def announce_review(review: Review, *, writes: Writes = AT_ONCE) -> None:
    """Announce a newly public review once the caller's transaction, or `writes`, commit."""
    await announcements.announce(
        _REVIEW,
        writes=writes,
        id=review.id,
        service=review.service_id,
        vendor=review.vendor_id,
    )


async def published_reviews(
    *, service: Ref | None, vendor: Ref | None
) -> AsyncGenerator[list[Review], None]:
    """Reviews as they become public, of one service, one vendor or both, or of the whole site.

    Those of one moment come together. An external id may be one that the feed has yet to send.
    Raises NotFound for an unknown id of this API, and models.announcements.Missed.
    """
    missing = {name: ref for name, ref in (("service", service), ("vendor", vendor)) if ref}
    filters = await _resolve(missing)
    for name, ref in missing.items():
        if not ref.external_id:  # ids of this API are never given by the feed
            raise NotFound(name)
    with announcements.listener(_REVIEW) as listener:
        while True:
            news = _matching(await listener.several(), filters)
            if missing and news:
                filters |= await _resolve(missing)
                news = [] if missing else _matching(news, filters)
            found = await announcements.read_once(news, _read_reviews)
            reviews = [review for review in found if review is not None]
            if reviews:
                yield reviews


async def received_notifications(viewer: Viewer) -> AsyncGenerator[Notification, None]:
    """The viewer's notifications as they fall due.

    Raises Unauthenticated, and models.announcements.Missed.
    """
    if not viewer.is_person:
        raise Unauthenticated
    own = {(str(audience), recipient) for audience, recipient in notifications.inboxes(viewer)}
    with announcements.listener(_NOTIFICATION) as listener:
        pending = await _not_due_yet(viewer)
        while True:
            news = await listener.next(_seconds_until_next(pending))
            if news is not None and (news.facts["audience"], news.facts["recipient"]) in own:
                entry = datetime.fromisoformat(news.facts["due"]), UUID(news.facts["id"])
                if entry not in pending:  # the query above may have read it already
                    heapq.heappush(pending, entry)
            while pending and pending[0][0] <= clock.now():
                _, key = heapq.heappop(pending)
                # It may have been withdrawn since.
                for row in (await notifications.by_ids(viewer, [key])).values():
                    yield row


def _matching(news: list[Announcement], filters: set[tuple[str, str]]) -> list[Announcement]:
    return [each for each in news if not filters - each.facts.items()]


async def _read_reviews(news: list[Announcement]) -> list[Review | None]:
    """The review of each announcement: once it is published, it is the same row for everybody."""
    keys = [UUID(each.facts["id"]) for each in news]
    found = await by_ids(ANONYMOUS, set(keys))
    return [found.get(key) for key in keys]


async def _resolve(missing: dict[str, Ref]) -> set[tuple[str, str]]:
    """The facts of announcements to filter by, for refs that exist by now; drops these refs."""
    facts = set()
    for name, ref in list(missing.items()):
        find = services.find_service if name == "service" else services.find_vendor
        row = await find(ref)
        if row is not None:
            facts.add((name, str(row.id)))
            del missing[name]
    return facts


async def _not_due_yet(viewer: Viewer) -> list[tuple[datetime, UUID]]:
    own = notifications.own_notifications(viewer)
    rows = await sql.fetch(
        f"SELECT n.created_at, n.id FROM notification n WHERE {own.text} AND n.created_at > ?"
        " ORDER BY n.created_at LIMIT ?",
        *own.values,
        clock.now(),
        _MAX_AWAITED,
        types=sql.types_of(Notification),
    )
    return [(row["created_at"], row["id"]) for row in rows]


def _seconds_until_next(pending: list[tuple[datetime, UUID]]) -> float | None:
    if not pending:
        return None
    return max((pending[0][0] - clock.now()).total_seconds(), 0.0)
