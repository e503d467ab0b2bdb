"""Clients that leave during a write cause no error and no log line, in any transport."""

import asyncio
import json
import logging

import pytest

from candor.masking import masked
from models import Review
from tests.fixtures.reviews import BODY
from tests.waiting import until_subscribed

PUBLISHED = "subscription { reviewPublished { rating } }"


class Gone:
    """Raise the OSError that a server raises for a write to a client that has left."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.sent = []
        self.tried = asyncio.Event()

    async def __call__(self, message) -> None:
        if self.left == 0:
            self.tried.set()
            raise ConnectionResetError("the client is gone")
        self.left -= 1
        self.sent.append(message)


@pytest.fixture
def database(sqlite_database) -> str:
    """What is tested here is the same on both."""
    return sqlite_database


@pytest.fixture
def unheard(caplog):
    """Fails if a warning or an error was logged."""
    caplog.set_level(logging.INFO)
    yield
    records = caplog.get_records("call")
    assert [each.message for each in records if each.levelno >= logging.WARNING] == []


def _scope(kind="http", path="/graphql", method="POST", **headers: str):
    named = {"host": "candor.test", "content-type": "application/json"} | headers
    return {
        "type": kind,
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "subprotocols": ["graphql-transport-ws"],
        "client": ("127.0.0.1", 1),
        "extensions": {},
    }


async def _serve(app, scope, send, *messages):
    waiting = asyncio.Queue()
    for message in messages:
        waiting.put_nowait(message)
    async with asyncio.timeout(10):
        await app(scope, waiting.get, send)


def _body(query):
    body = json.dumps({"query": query}).encode()
    return {"type": "http.request", "body": body, "more_body": False}


@pytest.mark.parametrize("after", [0, 1])
async def test_before_or_in_an_answer(app, unheard, after):
    await _serve(app, _scope(), Gone(after), _body("{ viewer { role } }"))
    await _serve(app, _scope(), Gone(after), _body("{ nope }"))


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/r/none", "/unsubscribe/none", "/healthz", "/readyz", "/metrics", "/nowhere"),
        *("/graphql/schema.graphql", "/favicon.ico"),
    ],
)
async def test_before_or_in_a_page(app, unheard, path, after):
    await _serve(app, _scope(path=path, method="GET"), Gone(after))


@pytest.mark.parametrize("after", [0, 1, 2])
async def test_in_a_stream_of_events(app, unheard, after):
    events = _scope(accept="text/event-stream")

    await _serve(app, events, Gone(after), _body("{ viewer { role } }"))


async def test_in_a_subscription_by_events(app, unheard, review):
    gone = Gone(1)
    events = _scope(accept="text/event-stream")
    serving = asyncio.ensure_future(_serve(app, events, gone, _body(PUBLISHED)))
    await until_subscribed()
    await review(rating=2)
    await serving

    assert gone.tried.is_set()


def _say(message):
    return {"type": "websocket.receive", "text": json.dumps(message)}


def _ask(name, query):
    return _say({"id": name, "type": "subscribe", "payload": {"query": query}})


OPENING = ({"type": "websocket.connect"}, _say({"type": "connection_init"}))


@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("query", ["{ viewer { role } }", "{ nope }"])
async def test_on_a_socket(app, unheard, after, query):
    gone = Gone(after)
    asked = [_ask(str(number), query) for number in range(3)]
    left = {"type": "websocket.disconnect", "code": 1006}
    waiting = asyncio.Queue()
    for message in (*OPENING, *asked):
        waiting.put_nowait(message)
    serving = asyncio.ensure_future(app(_scope("websocket"), waiting.get, gone))

    async with asyncio.timeout(10):
        await gone.tried.wait()
        await asyncio.sleep(0.1)  # for the other two, which get no message either
        waiting.put_nowait(left)
        await serving


async def test_a_bug_is_still_reported_as_one(caplog):
    masked(OSError("of ours"))

    assert [each.levelname for each in caplog.records] == ["ERROR"]


async def test_the_operation_was_carried_out(app, unheard, feed, maria):
    await feed()
    given = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": BODY}
    query = (
        "mutation($input: CreateReviewInput!) { createReview(input: $input) { errors { code } } }"
    )
    body = json.dumps({"query": query, "variables": {"input": given}}).encode()
    message = {"type": "http.request", "body": body, "more_body": False}

    await _serve(app, _scope(authorization=f"Bearer {maria.token}"), Gone(0), message)

    assert await Review.all().count() == 1
