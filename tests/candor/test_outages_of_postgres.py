"""PostgreSQL unreachable, read-only or in deadlock: it is reported, and the victim runs again."""

import asyncio
import logging

import pytest

from models import OutboxMail
from resolvers import outages
from tests.fixtures.reviews import BODY
from tests.waiting import never, until, until_locked

CREATE = (
    "mutation($input: CreateReviewInput!) { createReview(input: $input)"
    " { review { id } errors { code } } }"
)
REVIEW = {"input": {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": BODY}}


@pytest.fixture(autouse=True)
def fresh_warnings(monkeypatch, caplog):
    monkeypatch.setattr(outages, "_last_logged", {})
    monkeypatch.setattr("mailers.worker.worker._RETRY_AFTER", 0.05)
    monkeypatch.setattr("models.announcements._RETRY_SECONDS", 0.05)
    caplog.set_level(logging.INFO)


@pytest.fixture
def database(relay):
    return relay.url


def codes(answer):
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


def loud(caplog):
    return [
        (each.name, each.levelname)
        for each in caplog.records
        if each.levelno >= logging.WARNING and each.name != "candor.announcements"
    ]


async def test_a_server_that_is_away_is_unavailable(
    relay, direct, feed, maria, nobody, shop, socket, caplog
):
    await feed()
    await relay.close()
    answers = [
        await nobody.send("{ reviews { nodes { id } } }"),
        await nobody.send('{ service(ref: {externalId: "LOGO"}) { title } }'),
        await maria.send(CREATE, REVIEW),
        await shop.send("{ viewer { role } }"),
    ]
    refused = await socket(token=shop.token)
    ready = await maria.client.get("/readyz")
    await relay.open()

    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert codes(answer) == ["UNAVAILABLE"]
    assert refused.ack[0] == 1013
    assert refused.ack[1].startswith("UNAVAILABLE")
    assert ready.status_code == 503
    assert len(loud(caplog)) <= 3
    assert {level for _, level in loud(caplog)} == {"WARNING"}
    assert await direct.fetchval("SELECT COUNT(*) FROM review") == 0
    assert (await maria.send(CREATE, REVIEW)).json()["data"]["createReview"]["review"]


async def test_a_read_only_database_reads_on_and_says_so_to_writers(
    relay, direct, feed, maria, nobody, caplog
):
    await feed()
    name = await direct.fetchval("SELECT current_database()")
    await direct.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    relay.drop()
    asked = await nobody.send("{ reviews { nodes { id } } }")
    while asked.status_code == 503:  # by a connection that is not known to be lost
        asked = await nobody.send("{ reviews { nodes { id } } }")
    answer = await maria.send(CREATE, REVIEW)

    assert asked.status_code == 200
    assert answer.status_code == 503
    assert codes(answer) == ["UNAVAILABLE"]
    assert set(loud(caplog)) <= {("candor.database", "WARNING")}
    assert await direct.fetchval("SELECT COUNT(*) FROM review") == 0


async def test_the_victim_of_a_deadlock_runs_once_more(direct, review, ada, caplog):
    written = await review()
    rejected = await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
    assert rejected["errors"] == []
    key = await direct.fetchval("SELECT id FROM review")
    other = direct.transaction()
    await other.start()
    await direct.execute("SELECT 1 FROM rating_counter WHERE kind = 'SERVICE' FOR UPDATE")
    approving = asyncio.create_task(ada.do("approveReview", reviewId=written["id"]))
    await until_locked()
    # Now each waits for the other; the server picks the one that waited first as the victim.
    await direct.execute("UPDATE review SET helpful_count = 0 WHERE id = $1", key)
    await other.commit()

    assert (await approving)["errors"] == []
    assert await direct.fetchval("SELECT status FROM review") == "APPROVED"
    approvals = "SELECT COUNT(*) FROM tracking_event WHERE kind = 'review.approved'"
    assert await direct.fetchval(approvals) == 1
    assert await direct.fetchval("SELECT n5 FROM rating_counter WHERE kind = 'SERVICE'") == 1
    assert loud(caplog) == []


async def test_the_mail_worker_waits_and_goes_on(relay, direct, settings, another, review, caplog):
    await review()
    await OutboxMail.filter(status="SCHEDULED").update(due_at=1)
    await relay.close()

    async def sent():
        waiting = "SELECT COUNT(*) FROM outbox_mail WHERE status = 'SCHEDULED' AND due_at = 1"
        return not await direct.fetchval(waiting)

    async with another(mail_worker=True):
        waits = "the mail worker goes on after an error, it waits for the database"
        await until(lambda: waits in caplog.text)
        await never(lambda: caplog.text.count(waits) > 1)
        await relay.open()
        await until(sent)

    assert {level for _, level in loud(caplog)} == {"WARNING"}
