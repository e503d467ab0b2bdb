"""A subscription that may have missed events ends with EVENTS_MISSED, over any transport."""

import pytest

from tests.waiting import LISTENING, until, until_joined, until_subscribed

SUBSCRIPTION = "subscription { reviewPublished { rating } }"


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr("models.announcements._RETRY_SECONDS", 0.05)


@pytest.fixture
def database(relay):
    return relay.url


@pytest.fixture
def heard(direct):
    """Wait until announcements are received, or are not."""

    async def wait(times=1):
        count = f"SELECT COUNT(*) FROM pg_stat_activity WHERE {LISTENING}"

        async def heard():
            return await direct.fetchval(count) == times

        await until(heard)

    return wait


async def test_the_loss_of_the_listening_connection_ends_subscriptions(
    relay, heard, socket, events, review
):
    await heard()
    connection = await socket()
    query = {"query": SUBSCRIPTION}
    await connection.say({"id": "1", "type": "subscribe", "payload": query})
    stream = await events(SUBSCRIPTION)
    await until_joined(2)
    await review("ORDER-1")
    assert (await connection.hear())["payload"]["data"]["reviewPublished"] == {"rating": 5}
    assert (await stream.event())[1]["data"]["reviewPublished"] == {"rating": 5}

    relay.drop()

    told = await connection.hear()
    assert (told["id"], told["type"]) == ("1", "error")
    assert told["payload"][0]["extensions"]["code"] == "EVENTS_MISSED"
    name, body = await stream.event()
    assert (name, body["errors"][0]["extensions"]["code"]) == ("next", "EVENTS_MISSED")
    assert (await stream.event())[0] == "complete"


async def test_a_subscription_meanwhile_is_ended_when_the_connection_is_back(
    relay, heard, socket, review, nobody
):
    async def answered():
        return "errors" not in (await nobody.send("{ reviews { totalCount } }")).json()

    await heard()
    await relay.close()
    await heard(0)
    connection = await socket()
    await connection.say({"id": "1", "type": "subscribe", "payload": {"query": SUBSCRIPTION}})
    await relay.open()

    told = await connection.hear()
    assert (told["type"], told["payload"][0]["extensions"]["code"]) == ("error", "EVENTS_MISSED")
    await heard()
    await connection.say({"id": "2", "type": "subscribe", "payload": {"query": SUBSCRIPTION}})
    await until_subscribed()
    await until(answered)
    await review("ORDER-2", rating=3)
    assert (await connection.hear())["payload"]["data"]["reviewPublished"] == {"rating": 3}
