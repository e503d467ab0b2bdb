"""graphql-transport-ws: the codes of the protocol, tokens, limits, slow clients."""

import asyncio

import pytest

from candor.engine import audiences
from candor.http import websocket
from models import announcements
from tests.waiting import until, until_joined, until_subscribed


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


SUBSCRIBE = {
    "id": "1",
    "type": "subscribe",
    "payload": {"query": "subscription { reviewPublished { rating service { externalId } } }"},
}
PING = {"type": "ping"}


async def test_a_published_review_is_sent(socket, review):
    connection = await socket()
    await connection.say(SUBSCRIBE)
    await until_subscribed()

    await review(rating=4)

    assert connection.ack == {"type": "connection_ack"}
    told = await connection.hear()
    assert (told["id"], told["type"]) == ("1", "next")
    assert told["payload"]["data"] == {
        "reviewPublished": {"rating": 4, "service": {"externalId": "LOGO"}}
    }


async def test_a_query_is_answered_once_and_completed(socket):
    connection = await socket()
    await connection.say(
        {"id": "q", "type": "subscribe", "payload": {"query": "{ viewer { role } }"}}
    )

    told, done = await connection.hear(), await connection.hear()

    assert told["payload"]["data"] == {"viewer": {"role": "ANONYMOUS"}}
    assert told["payload"]["extensions"]["cost"]["requested"] == 1
    assert done == {"id": "q", "type": "complete"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { notificationReceived { id } }", "UNAUTHENTICATED"),
        (
            'subscription { reviewPublished(service: {id: "UwAAAAAAAAAAAAAAAAAAAAc"}) { id } }',
            "NOT_FOUND",
        ),
        ("query($n: Int!) { reviews(first: $n) { totalCount } }", "BAD_USER_INPUT"),
        (
            "subscription { reviewPublished { id } notificationReceived { id } }",
            "GRAPHQL_VALIDATION_FAILED",
        ),
    ],
)
async def test_an_operation_that_is_refused_leaves_the_connection_open(socket, query, code):
    connection = await socket()
    await connection.say({"id": "1", "type": "subscribe", "payload": {"query": query}})

    told = await connection.hear()
    await connection.say(PING)

    assert (told["id"], told["type"]) == ("1", "error")
    assert told["payload"][0]["extensions"]["code"] == code
    assert await connection.hear() == {"type": "pong"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["not json"], 4400),
        (["5"], 4400),
        (["[]"], 4400),
        ([{"type": 5}], 4400),
        ([{"type": "what"}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": 5}], 4400),
        ([{"type": "subscribe", "id": "1"}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": {"query": 5}}], 4400),
        ([{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}], 4400),
        ([{"type": "subscribe", "payload": {"query": "{ __typename }"}}], 4400),
        ([{"type": "subscribe", "id": 5, "payload": {"query": "{ __typename }"}}], 4400),
        ([{"type": "subscribe", "id": "x" * 200, "payload": {"query": "{ __typename }"}}], 4400),
        ([{"type": "complete"}], 4400),
        ([{"type": "connection_init"}], 4429),
        ([SUBSCRIBE, SUBSCRIBE], 4409),
        (["[" * 3_000], 4400),
        ([" " * 200_001], 1009),
    ],
)
async def test_what_breaks_the_protocol_closes_the_connection(socket, messages, code):
    connection = await socket()
    for message in messages:
        await connection.say(message)

    assert (await connection.hear())[0] == code
    await asyncio.wait_for(connection.task, 5)


async def test_nothing_is_subscribed_before_the_connection_is_initialised(socket):
    connection = await socket(init=False)
    await connection.say(SUBSCRIBE)

    assert await connection.hear() == (4401, "Unauthorized")


async def test_a_connection_that_says_nothing_is_closed(socket, monkeypatch):
    monkeypatch.setattr(websocket, "INIT_SECONDS", 0.02)
    connection = await socket(init=False)

    assert await connection.hear() == (4408, "Connection initialisation timeout")


async def test_an_unknown_protocol_is_not_spoken(app, socket):
    connection = await socket(init=False)
    connection.scope["subprotocols"] = ["graphql-ws"]
    again = type(connection)(connection.scope).open(app)
    await again.to_app.put({"type": "websocket.connect"})

    assert (await again.next())["type"] == "websocket.accept"
    assert (await again.hear())[0] == 4406
    await again.task


async def test_the_token_comes_with_the_first_message(socket, maria):
    for payload in (
        {"Authorization": f"Bearer {maria.token}"},
        {"authorization": f"Bearer {maria.token}"},
        {"headers": {"Authorization": f"Bearer {maria.token}"}},
        {"token": maria.token},
    ):
        connection = await socket(payload)
        await connection.say(
            {"id": "1", "type": "subscribe", "payload": {"query": "{ viewer { externalId } }"}}
        )
        assert (await connection.hear())["payload"]["data"] == {"viewer": {"externalId": "MARIA"}}


async def test_a_bad_token_never_counts_as_no_token(socket):
    connection = await socket(token="nonsense")

    code, reason = connection.ack
    assert code == 4403
    assert reason.startswith("UNAUTHENTICATED")


async def test_pages_of_foreign_origins_cannot_connect(socket):
    foreign = await socket(init=False, Origin="https://evil.example")
    own = await socket(Origin="http://candor.test")

    assert foreign.accepted["type"] == "websocket.close"
    assert own.ack == {"type": "connection_ack"}


async def test_the_operations_of_a_connection_are_limited(socket, monkeypatch):
    monkeypatch.setattr(websocket, "MAX_OPERATIONS", 3)
    connection = await socket()
    for number in range(4):
        await connection.say(SUBSCRIBE | {"id": str(number)})

    assert await connection.hear() == (4429, "Too many operations on one connection")


async def test_the_connections_of_one_caller_are_limited(socket, monkeypatch):
    monkeypatch.setattr("candor.http.live_connections.MAX_STREAMS_OF_ONE", 2)
    first, second, third = await socket(), await socket(), await socket()
    await first.close()
    fourth = await socket()

    assert second.ack == fourth.ack == {"type": "connection_ack"}
    assert third.ack[0] == 4403
    assert third.ack[1].startswith("TOO_MANY_STREAMS")


async def test_a_completed_operation_gets_nothing_more_and_its_id_is_free(socket, review):
    connection = await socket()
    await connection.say(SUBSCRIBE)
    await until_subscribed()
    [first] = announcements._listeners["review"]
    await connection.say({"id": "1", "type": "complete"})
    await connection.say(SUBSCRIBE)
    await until(lambda: announcements._listeners["review"] - {first})
    await until(lambda: first not in announcements._listeners["review"])

    await review()
    await connection.hear()
    await connection.say(PING)

    assert await connection.hear() == {"type": "pong"}


async def test_a_client_that_reads_nothing_does_not_delay_others(socket, review):
    slow, quick = await socket(), await socket()
    for connection in (slow, quick):
        await connection.say(SUBSCRIBE)
    await until_joined(2)
    slow.takes.clear()

    for number in range(3):
        await review(f"ORDER-{number}")
        assert (await quick.hear())["type"] == "next"
    assert not quick.task.done()


async def test_a_client_that_falls_behind_is_disconnected(socket, review, monkeypatch):
    monkeypatch.setattr(audiences, "MAX_WAITING", 0)
    connection = await socket()
    await connection.say(SUBSCRIBE)
    await until_subscribed()

    await review()

    # A code after which common clients connect again.
    assert await connection.hear() == (
        1013,
        "TOO_SLOW: Events came faster than you took them, and some are lost.",
    )


async def test_a_client_that_leaves_ends_its_operations(socket):
    connection = await socket()
    await connection.say(SUBSCRIBE)
    await until_subscribed()
    assert len(announcements._listeners["review"]) == 1

    await connection.close()

    assert not announcements._listeners["review"]
