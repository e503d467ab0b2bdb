"""Streams of published reviews and due notifications, on both databases."""

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from models import announcements as heard
from models import clock, sql
from models.database import transaction
from resolvers.announcements import published_reviews, received_notifications
from resolvers.errors import NotFound, Unauthenticated
from resolvers.ref import Ref
from resolvers.viewer import ANONYMOUS, Role, Viewer
from tests.waiting import LISTENING, never, until, until_listening, until_subscribed

MARIA = Viewer(Role.CUSTOMER, external_id="MARIA")
NINA = Viewer(Role.VENDOR, external_id="NINA", vendor="NINA")


@pytest.fixture
async def collect(app):
    """Collect the rows of a generator: `reviews = collect(published_reviews(…))`."""
    tasks = []

    def start(generator):
        rows = []

        async def take():
            async with aclosing(generator) as events:
                async for row in events:
                    rows.extend(row if isinstance(row, list) else [row])

        tasks.append(asyncio.ensure_future(take()))
        return rows

    await until_listening()
    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def everything(**of):
    return published_reviews(**({"service": None, "vendor": None} | of))


async def test_a_review_is_announced_when_it_is_written(collect, review):
    reviews = collect(everything())
    await until_subscribed()

    await review(rating=3)

    await until(lambda: reviews)
    assert [row.rating for row in reviews] == [3]


async def test_a_held_review_is_announced_only_when_it_is_approved(collect, review, ada):
    await ada.do("updateSettings", reviewModeration=True)
    reviews = collect(everything())
    await until_subscribed()

    written = await review(rating=3)
    await never(lambda: reviews)
    await ada.do("approveReview", reviewId=written["id"])

    await until(lambda: reviews)
    assert [row.rating for row in reviews] == [3]


async def test_only_reviews_of_the_requested_service_and_vendor_are_announced(
    collect, review, feed, maria
):
    with heard.listener("review") as listener:
        await review("ORDER-1")
        await listener.next(5)
    logo, nina = Ref(external_id="LOGO"), Ref(external_id="NINA")
    of_logo, of_nina = collect(everything(service=logo)), collect(everything(vendor=nina))
    both = collect(everything(service=logo, vendor=nina))
    await until_subscribed(times=3)

    other = {"externalId": "OTHER", "title": "Another"}
    await feed("ORDER-2", service=other)
    await maria.do("createReview", order={"externalId": "ORDER-2"}, rating=1, body="Not that good.")
    await review("ORDER-3", rating=4)

    await until(lambda: len(of_nina) == 2 and of_logo and both)
    assert [row.rating for row in of_logo] == [row.rating for row in both] == [4]
    assert [row.rating for row in of_nina] == [1, 4]


async def test_a_rolled_back_review_is_never_announced(collect, app):
    with heard.listener("review") as listener:
        with pytest.raises(ZeroDivisionError):
            async with transaction():
                await heard.announce("review", id="lost")
                raise ZeroDivisionError
        async with transaction():
            await heard.announce("review", id="kept")
            early = await listener.next(0.1)

        assert early is None
        assert (await listener.next(5)).facts == {"id": "kept"}
        assert await listener.next(0.05) is None


async def test_an_announcement_outside_a_transaction_is_delivered_at_once(collect, app):
    with heard.listener("topic") as listener:
        await heard.announce("topic", id=1)

        assert (await listener.next(5)).facts == {"id": "1"}


async def test_a_notification_reaches_its_recipient_and_nobody_else(collect, review):
    of_nina, of_maria = (
        collect(received_notifications(NINA)),
        collect(received_notifications(MARIA)),
    )
    await until_subscribed("notification", times=2)

    await review()

    await until(lambda: of_nina)
    assert [row.kind for row in of_nina] == ["review.received"]
    assert of_maria == []


async def test_a_future_notification_arrives_when_it_is_due(collect, feed, ada, at):
    now = datetime.now(UTC)
    await feed("ORDER-1", completedAt=(now - timedelta(days=1)).isoformat())
    early = collect(received_notifications(MARIA))
    await until_subscribed("notification")
    await feed("ORDER-2", completedAt=(now - timedelta(days=1)).isoformat())
    await never(lambda: early)

    at(clock.now() + timedelta(days=3))
    late = collect(received_notifications(MARIA))
    await until_subscribed("notification", times=2)
    await feed("ORDER-3", completedAt=(now - timedelta(days=1)).isoformat())

    await until(lambda: len(early) >= 3 and late)
    await never(lambda: len(early) > 3 or len(late) > 1)
    assert [row.kind for row in early] == ["review.reminder"] * 3
    assert len({row.id for row in early}) == 3
    assert [row.kind for row in late] == ["review.reminder"]


async def test_anonymous_callers_have_no_notifications_and_unknown_services_no_reviews(app):
    with pytest.raises(Unauthenticated):
        await anext(received_notifications(ANONYMOUS))
    with pytest.raises(NotFound):
        await anext(everything(service=Ref(id=UUID(int=7))))
    with pytest.raises(NotFound):
        await anext(everything(vendor=Ref(id=UUID(int=7))))


async def test_a_listener_that_falls_behind_holds_a_bounded_number(app, monkeypatch):
    monkeypatch.setattr(heard, "MAX_WAITING", 10)
    with heard.listener("topic") as slow:
        for number in range(11):
            slow.deliver(heard.Announcement("topic", {"id": number}))

        assert len(slow._waiting) == 0
        with pytest.raises(heard.Missed):
            await slow.next()


async def test_the_listening_connection_comes_back(collect, app, database, monkeypatch):
    if database.startswith("sqlite"):
        pytest.skip("SQLite announces within the process")
    monkeypatch.setattr(heard, "_RETRY_SECONDS", 0.1)
    monkeypatch.setattr(heard, "_ALIVE_SECONDS", 0.1)
    cut = (
        f"SELECT pid, pg_terminate_backend(pid)::int AS cut FROM pg_stat_activity WHERE {LISTENING}"
    )
    [lost] = await sql.fetch(cut)

    async def is_another():
        rows = await sql.fetch(f"SELECT pid FROM pg_stat_activity WHERE {LISTENING}")
        return rows and rows[0]["pid"] != lost["pid"]

    await until(is_another)
    with heard.listener("topic") as listener:
        await heard.announce("topic", id=1)
        assert (await listener.next(5)).facts == {"id": "1"}


async def test_a_burst_closes_no_listener_and_each_review_is_read_once(collect, review, statements):
    streams = [collect(everything()) for _ in range(5)]
    await until_subscribed(times=5)
    await review(rating=2)
    await until(lambda: all(streams))
    ran = statements()

    for listening in tuple(heard._listeners["review"]):
        assert len(listening._waiting) == 0
    first = {"id": str(streams[0][0].id), "service": "", "vendor": ""}
    for _ in range(250):
        heard._dispatch(orjson.dumps(["review", first]))

    await until(lambda: all(len(stream) == 251 for stream in streams))
    assert len(ran) == 250 / heard._MAX_TOGETHER


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_reviews_of_one_moment_are_announced_together_after_their_commits(
    app, monkeypatch, review
):
    sent, plain = [], heard._Outgoing.flush

    async def flush(self, connection):
        sent.append(len(self._waiting))
        await plain(self, connection)

    monkeypatch.setattr(heard._Outgoing, "flush", flush)
    monkeypatch.setattr(heard, "_GATHER_SECONDS", 1)
    with heard.listener("review") as listener:
        for number in range(3):
            await review(f"ORDER-{number}")
        for _ in range(3):
            assert await listener.next(10)

    assert len(sent) < 6
    assert sum(sent) >= 6  # each review, and the vendor's notice of it
