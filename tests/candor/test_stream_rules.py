"""Every rule of live connections, over both transports: server-sent events and WebSocket."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest

from candor import mail_worker
from candor.callers.tokens import sign
from candor.engine import audiences
from candor.http import live_connections
from candor.settings import Settings
from mailers.letters import signed_links
from mailers.letters.signed_links import Claim, Purpose
from models import ApiKey, Order, announcements, clock
from tests.waiting import until_subscribed

PUBLISHED = "subscription { reviewPublished { rating } }"
ROLE = "{ viewer { role } }"


@pytest.fixture
def database(sqlite_database) -> str:
    """What is tested here is the same on both."""
    return sqlite_database


@pytest.fixture
def settings(database) -> Settings:
    secret = "a secret of the tests, long enough to sign with"
    return Settings(database_url=database, secret=secret, rate_limits=True)


@dataclass
class Live:
    """One operation on a live connection of its own."""

    connection: Any
    transport: str

    async def hear(self) -> Any:
        """The next answer of the operation."""
        if self.transport == "sse":
            name, body = await self.connection.event()
            assert name == "next"
            return body
        told = await self.connection.hear()
        assert told["type"] == "next", told
        return told["payload"]

    async def code(self) -> str:
        """The code with which the operation, or the whole connection, ends."""
        if self.transport == "sse":
            return await self._last_event()
        told = getattr(self.connection, "ack", None)
        if not isinstance(told, tuple):
            told = await self.connection.hear()
        if isinstance(told, tuple):
            number, reason = told
            assert number in {1013, 4403}
            await asyncio.wait_for(self.connection.task, 5)
            return reason.partition(":")[0]
        assert told["type"] in {"error", "next"}
        payload = told["payload"]
        errors = payload["errors"] if isinstance(payload, dict) else payload
        return errors[0]["extensions"]["code"]

    async def _last_event(self) -> str:
        if self.connection.start["status"] != 200:
            body = (await self.connection.next())["body"]
            return body.decode().partition('"code":"')[2].partition('"')[0]
        name, body = await self.connection.event()
        assert name == "next"
        assert await self.connection.event() == ("complete", None)
        await asyncio.wait_for(self.connection.task, 5)
        return body["errors"][0]["extensions"]["code"]

    async def goes_on(self, seconds: float) -> bool:
        await asyncio.sleep(seconds)
        return not self.connection.task.done() and self.connection.from_app.empty()


@pytest.fixture(params=["sse", "websocket"])
def live(request, events, socket):
    """Start an operation on a live connection: `await live("subscription { … }", token)`."""

    async def start(query: str = PUBLISHED, token: str | None = None) -> Live:
        if request.param == "sse":
            return Live(await events(query, token), "sse")
        connection = await socket(token=token)
        if connection.ack == {"type": "connection_ack"}:
            payload = {"query": query}
            await connection.say({"id": "1", "type": "subscribe", "payload": payload})
        return Live(connection, "websocket")

    return start


@pytest.fixture
def often(monkeypatch):
    """Credentials are rechecked very often."""
    monkeypatch.setattr(live_connections, "RECHECK_SECONDS", 0.05)


@pytest.fixture
async def link(feed, settings):
    """The token of a mail's link to an order."""
    await feed()
    order = await Order.get(external_id="ORDER-1")

    def make(ttl=timedelta(hours=1)) -> str:
        expires_at = clock.now() + ttl
        claim = Claim(Purpose.REVIEW, order.id, order.link_version, expires_at=expires_at)
        return signed_links.sign(settings.secret, claim)

    return make


async def test_an_event_is_sent(live, review):
    stream = await live()
    await until_subscribed()

    await review(rating=2)

    assert (await stream.hear())["data"] == {"reviewPublished": {"rating": 2}}


async def test_a_token_that_has_expired_ends_it(live, settings, often):
    # It is valid for half a minute beyond its expiry.
    token = sign(settings, {"sub": "MARIA", "role": "customer"}, timedelta(seconds=-29))
    stream = await live(token=token)
    await until_subscribed()

    assert await stream.code() == "UNAUTHENTICATED"
    assert not announcements._listeners["review"]


async def test_a_key_that_was_revoked_ends_it(live, shop, often):
    stream = await live(token=shop.token)
    assert await stream.goes_on(0.2)

    await ApiKey.filter(name="shop").update(revoked_at=clock.now())

    assert await stream.code() == "UNAUTHENTICATED"


async def test_a_link_that_was_revoked_ends_it(live, link, often):
    stream = await live(token=link())
    assert await stream.goes_on(0.2)

    order = await Order.get(external_id="ORDER-1")
    await Order.filter(id=order.id).update(link_version=order.link_version + 1)

    assert await stream.code() == "UNAUTHENTICATED"


async def test_a_link_that_has_expired_ends_it(live, link, often):
    stream = await live(token=link(timedelta(seconds=1)))

    assert await stream.code() == "UNAUTHENTICATED"


async def test_a_credential_ends_it_within_a_minute(settings):
    leeway = 30

    assert leeway + live_connections.RECHECK_SECONDS < 60


async def test_a_recheck_is_no_guess(live, shop, often, monkeypatch):
    async def failed(*_arguments):
        raise AssertionError("counted as a guess")

    monkeypatch.setattr("candor.callers.budgets.Budgets.guess", failed)
    stream = await live(token=shop.token)
    await ApiKey.filter(name="shop").update(revoked_at=clock.now())

    assert await stream.code() == "UNAUTHENTICATED"


async def test_a_short_outage_of_the_database_ends_nothing(live, shop, often, monkeypatch):
    stream = await live(token=shop.token)
    await until_subscribed()

    with monkeypatch.context() as broken:
        broken.setattr("candor.callers.tokens.ApiKey.get_or_none", _away)
        assert await stream.goes_on(0.2)
    await ApiKey.filter(name="shop").update(revoked_at=clock.now())

    assert await stream.code() == "UNAUTHENTICATED"


async def _away(**_named):
    raise OSError("the database is away")


async def test_a_credential_that_is_bad_from_the_start_is_refused(live):
    assert await (await live(token="nonsense")).code() == "UNAUTHENTICATED"


@pytest.mark.parametrize("limit", ["MAX_STREAMS", "MAX_STREAMS_OF_ONE"])
async def test_their_number_is_limited(live, monkeypatch, limit):
    monkeypatch.setattr(live_connections, limit, 2)
    first, second, third = await live(), await live(), await live()

    assert await third.code() == "TOO_MANY_STREAMS"
    await first.connection.close()
    fourth = await live()
    assert await second.goes_on(0.05)
    assert await fourth.goes_on(0.05)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ a" + "{ a" * 20 + "}" * 21, "QUERY_TOO_COMPLEX"),
        ("{ reviews(first: 100) { nodes { author { displayName } revisions(last: 2) { body } } } }", "ok"),
        ("subscription { notificationReceived { id } }", "UNAUTHENTICATED"),
        ('subscription { reviewPublished(service: {id: "UwAAAAAAAAAAAAAAAAAAAAc"}) { id } }', "NOT_FOUND"),
        ("subscription { reviewPublished { id } notificationReceived { id } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)  # fmt: skip
async def test_both_transports_refuse_the_same(live, query, code):
    stream = await live(query)

    if code == "ok":
        assert "data" in await stream.hear()
    else:
        assert await stream.code() == code


async def test_the_budget_is_the_same(live, monkeypatch):
    monkeypatch.setattr("candor.callers.budgets.LocalBudgets.take", lambda *_: 1.0)

    assert await (await live(ROLE)).code() == "RATE_LIMITED"


async def test_the_cost_of_an_operation_is_limited(live, app, monkeypatch):
    monkeypatch.setattr("candor.engine.admission.Admission.max_cost", lambda *_: 0)

    assert await (await live(ROLE)).code() == "QUERY_TOO_EXPENSIVE"


async def test_the_time_of_an_operation_is_limited(live, monkeypatch):
    from candor.engine.deadline import Deadline

    async def current():
        await asyncio.sleep(5)

    def hasty(self, receive=None, *, spent=0.0):
        self._seconds = self._pause = 0.05
        return Deadline(self, receive, spent)

    monkeypatch.setattr("resolvers.site_settings.current", current)
    monkeypatch.setattr("candor.engine.deadline.Deadlines.start", hasty)

    assert await (await live("{ settings { siteName } }")).code() == "OPERATION_TIMEOUT"


async def test_a_bug_shows_nothing(live, monkeypatch, caplog):
    async def current():
        raise RuntimeError("the database's password is 1234")

    monkeypatch.setattr("resolvers.site_settings.current", current)
    stream = await live("{ settings { siteName } }")

    error = (await stream.hear())["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert error["extensions"]["errorId"] in caplog.text
    assert "1234" not in str(error) + caplog.text


async def test_a_bug_of_a_subscription_ends_it_and_shows_nothing(live, monkeypatch, caplog):
    async def broken(**_named):
        raise RuntimeError("the database's password is 1234")
        yield

    monkeypatch.setattr("schema.subscription.announcements.published_reviews", broken)
    stream = await live()

    assert await stream.code() == "INTERNAL_SERVER_ERROR"
    assert "1234" not in caplog.text


async def test_a_reader_that_falls_behind_gets_an_error(live, review, monkeypatch):
    monkeypatch.setattr(audiences, "MAX_WAITING", 0)
    stream = await live()
    await until_subscribed()

    await review()

    assert await stream.code() == "TOO_SLOW"


async def test_a_client_that_leaves_ends_its_connection(live, caplog):
    stream = await live()
    await until_subscribed()

    await stream.connection.close()

    assert not announcements._listeners["review"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize(("grace", "stop"), [(1, 0.5), (2, 1), (10, 9), (600, 30)])
async def test_the_grace_period_bounds_the_mails_too(settings, grace, stop):
    assert mail_worker.configuration(replace(settings, grace=grace)).pace.stop == stop
