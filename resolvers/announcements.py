"""What is told as it happens: published reviews, and the viewer's notices when they are due."""

import heapq
from collections.abc import AsyncGenerator
from datetime import datetime
from uuid import UUID

from models import Notification, Review, announcements, clock, sql
from models.one_round_trip import AT_ONCE, Writes
from resolvers import notifications, services
from resolvers.errors import NotFound, Unauthenticated
from resolvers.ref import Ref
from resolvers.review_lookup import find_review
from resolvers.viewer import Viewer

_REVIEW, _NOTIFICATION = "review", "notification"
# Notices promised for later that one listener waits for; the inbox holds the others all the same.
_MAX_AWAITED = 100


async def announce_review(review: Review, *, writes: Writes = AT_ONCE) -> None:
    """Tell that a review has become public, when the caller's transaction, or `writes`, commit."""
    await announcements.announce(
        _REVIEW,
        writes=writes,
        id=review.id,
        service=review.service_id,
        vendor=review.vendor_id,
    )


async def published_reviews(
    viewer: Viewer, *, service: Ref | None, vendor: Ref | None
) -> AsyncGenerator[Review, None]:
    """Reviews as they become public, of one service, one vendor or both, or of the whole site.

    What the marketplace has not told yet is waited for. Raises NotFound for an id that is nobody's;
    models.announcements.FellBehind for a reader that is too slow, and Missed.
    """
    unknown = {name: ref for name, ref in (("service", service), ("vendor", vendor)) if ref}
    wanted = await _facts(unknown)
    for name, ref in unknown.items():
        if not ref.external_id:  # nothing will ever be called so
            raise NotFound(name)
    with announcements.listener(_REVIEW) as listener:
        while True:
            heard = await listener.next()
            if heard is None or wanted - heard.facts.items():
                continue
            if unknown:
                wanted |= await _facts(unknown)
                if unknown or wanted - heard.facts.items():
                    continue
            review = await find_review(viewer, UUID(heard.facts["id"]))
            if review is not None and review.is_public:
                yield review


async def received_notifications(viewer: Viewer) -> AsyncGenerator[Notification, None]:
    """The viewer's notices as they fall due.

    Raises Unauthenticated; models.announcements.FellBehind for a reader that is too slow, and
    Missed.
    """
    if not viewer.is_person:
        raise Unauthenticated
    own = {(str(audience), recipient) for audience, recipient in notifications.inboxes(viewer)}
    with announcements.listener(_NOTIFICATION) as listener:
        awaited = await _promised(viewer)
        while True:
            heard = await listener.next(_seconds_until(awaited))
            if heard is not None and (heard.facts["audience"], heard.facts["recipient"]) in own:
                notice = datetime.fromisoformat(heard.facts["due"]), UUID(heard.facts["id"])
                if notice not in awaited:  # found in the database already, just before
                    heapq.heappush(awaited, notice)
            while awaited and awaited[0][0] <= clock.now():
                _, key = heapq.heappop(awaited)
                # It may have been withdrawn since.
                for row in (await notifications.by_ids(viewer, [key])).values():
                    yield row


async def _facts(unknown: dict[str, Ref]) -> set[tuple[str, str]]:
    """What announcements hold of those named that exist by now, which are unknown no more."""
    found = set()
    for name, ref in list(unknown.items()):
        find = services.find_service if name == "service" else services.find_vendor
        row = await find(ref)
        if row is not None:
            found.add((name, str(row.id)))
            del unknown[name]
    return found


async def _promised(viewer: Viewer) -> list[tuple[datetime, UUID]]:
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


def _seconds_until(awaited: list[tuple[datetime, UUID]]) -> float | None:
    if not awaited:
        return None
    return max((awaited[0][0] - clock.now()).total_seconds(), 0.0)
