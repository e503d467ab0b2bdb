"""Subscribers of one document with equal rights: executed once for all, and never for others."""

from uuid import UUID

import orjson
import pytest

from candor.engine import audiences
from candor.engine.execution import Execution
from models import Review, announcements
from resolvers.viewer import ANONYMOUS, Role, Viewer
from tests.waiting import until, until_joined, until_subscribed

PUBLISHED = "subscription { reviewPublished { id rating body } }"
SUBSCRIBE = {"id": "1", "type": "subscribe", "payload": {"query": PUBLISHED}}


@pytest.fixture
def executed(monkeypatch):
    """The viewers for whom an event was executed."""
    viewers, plain = [], Execution._event

    async def event(self, operation, executor):
        viewers.append(executor.context_value.viewer)
        return await plain(self, operation, executor)

    monkeypatch.setattr(Execution, "_event", event)
    return viewers


async def test_an_event_is_executed_and_made_json_once_over_both_transports(
    socket, events, review, executed
):
    sockets = [await socket() for _ in range(3)]
    for number, each in enumerate(sockets):
        await each.say(SUBSCRIBE | {"id": f"of {number}"})
    streams = [await events(PUBLISHED) for _ in range(3)]
    await until_joined(6)
    await until_subscribed()
    assert len(announcements._listeners["review"]) == 1

    written = await review(rating=2, body="Grüße, and “thanks” for nothing.")

    expected = {"id": written["id"], "rating": 2, "body": "Grüße, and “thanks” for nothing."}
    for number, each in enumerate(sockets):
        told = await each.hear()
        assert (told["id"], told["type"]) == (f"of {number}", "next")
        assert told["payload"]["data"] == {"reviewPublished": expected}
    for each in streams:
        assert (await each.event())[1]["data"] == {"reviewPublished": expected}
    assert executed == [ANONYMOUS]


def twins():
    """Pairs of viewers who are as alike as two viewers can be, and not the same."""
    maria = Viewer(Role.CUSTOMER, external_id="MARIA", display_name="Maria")
    guest = Viewer(Role.GUEST, order_id=UUID(int=1))
    return [
        (ANONYMOUS, maria),
        (maria, Viewer(Role.CUSTOMER, external_id="CARL", display_name="Maria")),
        (maria, Viewer(Role.VENDOR, external_id="MARIA", display_name="Maria")),
        (maria, Viewer(Role.CUSTOMER, external_id="MARIA", display_name="Maria S.")),
        (guest, Viewer(Role.GUEST, order_id=UUID(int=2))),
        (guest, Viewer(Role.GUEST, order_id=UUID(int=1), update_id=UUID(int=3))),
        (guest, Viewer(Role.GUEST, order_id=UUID(int=1), solve_number=1)),
        (Viewer(Role.INTEGRATION, "A"), Viewer(Role.INTEGRATION, "A", vendor="NINA")),
        (Viewer(Role.INTEGRATION, "A"), Viewer(Role.INTEGRATION, "A", scopes=frozenset({"x"}))),
        (Viewer(Role.ADMIN, "A"), Viewer(Role.ADMIN, "A", email="a@example.com")),
    ]


@pytest.mark.parametrize("pair", twins(), ids=str)
async def test_two_viewers_share_nothing_and_one_viewer_shares_all(hear, review, executed, pair):
    heard = [hear(each, PUBLISHED) for each in (*pair, *pair)]
    await until_joined(4)
    await until_subscribed()

    await review()

    await until(lambda: all(heard))
    assert sorted(map(str, executed)) == sorted(map(str, pair))


async def test_other_variables_are_another_audience(hear, review, executed):
    text = "subscription ($of: NodeRef) { reviewPublished(service: $of) { rating } }"
    of_logo = [hear(ANONYMOUS, text, {"of": {"externalId": "LOGO"}}) for _ in range(2)]
    of_another = hear(ANONYMOUS, text, {"of": {"externalId": "OTHER"}})
    await until_joined(3)
    await until_subscribed()

    await review()

    await until(lambda: all(of_logo))
    assert of_another == []
    assert len(executed) == 1


async def test_a_subscriber_that_does_not_read_is_closed_and_others_hear_on(
    socket, review, monkeypatch
):
    monkeypatch.setattr(audiences, "MAX_WAITING", 3)
    slow, quick = await socket(), await socket()
    for each in (slow, quick):
        await each.say(SUBSCRIBE)
    await until_joined(2)
    await until_subscribed()
    slow.takes.clear()

    for number in range(6):
        written = await review(f"ORDER-{number}")
        told = await quick.hear()
        assert told["payload"]["data"]["reviewPublished"]["id"] == written["id"]

    slow.takes.set()
    while isinstance(told := await slow.hear(), dict):
        assert told["type"] == "next"
    # A code after which common clients connect again.
    assert told == (1013, "TOO_SLOW: Events came faster than you took them, and some are lost.")
    assert not quick.task.done()


async def test_a_burst_closes_nobody_and_all_hear_it_in_order(socket, events, review):
    first = await review()
    row = await Review.get(order__external_id="ORDER-1")
    connection, stream = await socket(), await events(PUBLISHED)
    await connection.say(SUBSCRIBE)
    await until_joined(2)
    await until_subscribed()
    for key in (row.id, UUID(int=7)) * 250:  # half of them are gone by now
        facts = {"id": str(key), "service": "", "vendor": ""}
        announcements._dispatch(orjson.dumps(["review", facts]))

    for _ in range(250):
        told = await connection.hear()
        assert told["payload"]["data"]["reviewPublished"]["id"] == first["id"]
        assert (await stream.event())[1] == told["payload"]
    assert not connection.task.done()


async def test_several_events_at_rest_are_told_together(hear, review, monkeypatch):
    monkeypatch.setattr(audiences, "REST", 0.5)
    heard, times = hear(ANONYMOUS, PUBLISHED), []
    await until_joined(1)
    await until_subscribed()

    for number in range(4):
        await review(f"ORDER-{number}")
        times.append(len(heard))

    await until(lambda: len(heard) == 4)
    assert max(times) < 4, "they were told one by one"


async def test_an_audience_that_has_left_is_gone_and_another_may_come(hear, review, executed):
    first = hear(ANONYMOUS, PUBLISHED)
    await until_joined(1)
    await until_subscribed()
    await until_subscribed()
    await hear.leave_all()
    assert not announcements._listeners["review"]

    second = hear(ANONYMOUS, PUBLISHED)
    await until_joined(1)
    await until_subscribed()
    await review()

    await until(lambda: second)
    assert first == []
    assert len(executed) == 1


async def test_a_bug_is_logged_once_for_all(socket, events, review, monkeypatch, caplog):
    async def broken(*_arguments):
        raise RuntimeError("the database's password is 1234")

    monkeypatch.setattr(Execution, "_event", broken)
    connection, stream = await socket(), await events(PUBLISHED)
    await connection.say(SUBSCRIBE)
    await until_joined(2)
    await until_subscribed()

    await review()

    told, (_, body) = await connection.hear(), await stream.event()
    assert told["type"] == "error"
    assert told["payload"] == body["errors"]
    assert body["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"
    assert "1234" not in str(body)
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 1
