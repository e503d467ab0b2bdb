"""Server-sent events."""

import pytest

from candor.engine import audiences
from candor.http import sse
from models import announcements
from tests.waiting import until_subscribed


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


QUERY = "subscription { reviewPublished { rating } }"


async def test_a_published_review_is_an_event(events, review):
    stream = await events(QUERY)
    await until_subscribed()

    await review(rating=2)

    assert stream.start["status"] == 200
    assert (b"content-type", b"text/event-stream; charset=utf-8") in stream.start["headers"]
    name, body = await stream.event()
    assert name == "next"
    assert body["data"] == {"reviewPublished": {"rating": 2}}


async def test_a_query_is_one_event_and_the_end(events):
    stream = await events("{ viewer { role } }")

    assert (await stream.event())[1]["data"] == {"viewer": {"role": "ANONYMOUS"}}
    assert await stream.event() == ("complete", None)
    assert not (await stream.next()).get("more_body")
    await stream.task


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { notificationReceived { id } }", "UNAUTHENTICATED"),
        ("{ a" + "{ a" * 20 + "}" * 21, "QUERY_TOO_COMPLEX"),
    ],
)
async def test_a_refusal_is_an_event_and_the_end(events, query, code):
    stream = await events(query)

    name, body = await stream.event()
    assert name == "next"
    assert body["errors"][0]["extensions"]["code"] == code
    assert await stream.event() == ("complete", None)


async def test_a_quiet_stream_sends_comments(events, review, monkeypatch):
    monkeypatch.setattr(sse, "QUIET_SECONDS", 0.02)
    stream = await events(QUERY)

    assert (await stream.next())["body"] == b":\n\n"
    await review()
    while (message := await stream.next())["body"] == b":\n\n":
        pass
    assert message["body"].startswith(b"event: next")


async def test_a_client_that_leaves_ends_its_stream(events):
    stream = await events(QUERY)
    await until_subscribed()
    assert len(announcements._listeners["review"]) == 1

    await stream.close()

    assert not announcements._listeners["review"]


async def test_a_reader_that_falls_behind_gets_an_error(events, review, monkeypatch):
    monkeypatch.setattr(audiences, "MAX_WAITING", 0)
    stream = await events(QUERY)
    await until_subscribed()

    await review()

    assert (await stream.event())[1]["errors"][0]["extensions"]["code"] == "TOO_SLOW"


async def test_a_bad_token_is_401(client):
    answer = await client.post(
        "/graphql",
        json={"query": QUERY},
        headers={"Accept": "text/event-stream", "Authorization": "Bearer nonsense"},
    )

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
