"""A database that is unreachable, full, locked or read-only is reported as such, not as a bug."""

import logging
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order, sql
from resolvers import outages
from tests.fixtures.application import SECRET
from tests.fixtures.reviews import BODY, order_input

CREATE = (
    "mutation($input: CreateReviewInput!) { createReview(input: $input)"
    " { review { id } errors { code } } }"
)
UPSERT = (
    "mutation($input: UpsertOrdersInput!) { upsertOrders(input: $input) { results"
    " { externalId outcome order { id } errors { code field } } errors { code } } }"
)
DECIDE = (
    "mutation($input: ModerateReviewsInput!) { moderateReviews(input: $input) { results"
    " { reviewId review { id } errors { code field } } errors { code } } }"
)
REVIEW = {"input": {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": BODY}}
ACCEPTS = ["application/json", "application/graphql-response+json", "*/*"]


@pytest.fixture(autouse=True)
def fresh_warnings(monkeypatch, caplog):
    monkeypatch.setattr(outages, "_last_logged", {})
    caplog.set_level(logging.INFO)


def is_outage(answer, code="UNAVAILABLE"):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == [code]
    return True


def warned_once(caplog):
    loud = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [(each.name, each.levelname) for each in loud] == [("candor.database", "WARNING")], [
        each.getMessage() for each in loud
    ]
    assert loud[0].exc_info is None
    return True


class Locked:
    """Another process holds the write lock of SQLite."""

    url = "{}?busy_timeout=20"

    def begin(self, path):
        self._other = sqlite3.connect(path, isolation_level=None)
        self._other.execute("BEGIN IMMEDIATE")

    def end(self, path):
        self._other.execute("ROLLBACK")
        self._other.close()


class Removed:
    """The file is removed, which an open connection does not notice by itself."""

    url = "{}"

    def begin(self, path):
        Path(path).rename(f"{path}.away")

    def end(self, path):
        Path(f"{path}.away").rename(path)


class Replaced(Removed):
    """The file is replaced by a copy."""

    def begin(self, path):
        super().begin(path)
        shutil.copyfile(f"{path}.away", path)


@pytest.fixture(params=[Locked, Removed, Replaced])
def trouble(request):
    return request.param()


@pytest.fixture
def path(sqlite_database):
    return sqlite_database.removeprefix("sqlite://")


@pytest.fixture
def database(sqlite_database, trouble):
    return trouble.url.format(sqlite_database)


@pytest.mark.parametrize("accept", ACCEPTS)
async def test_what_cannot_be_written_now_is_unavailable(
    accept, trouble, path, feed, maria, caplog
):
    await feed()
    maria.client.headers["Accept"] = accept
    trouble.begin(path)
    first = await maria.send(CREATE, REVIEW)
    second = await maria.send(CREATE, REVIEW)
    trouble.end(path)

    assert is_outage(first)
    assert is_outage(second)
    assert warned_once(caplog)
    assert (await sql.fetch("SELECT COUNT(*) AS n FROM review"))[0]["n"] == 0
    assert (await maria.send(CREATE, REVIEW)).json()["data"]["createReview"]["review"]


async def test_rows_of_a_batch_say_it_each(trouble, path, shop, ada, review, stored, caplog):
    written = await review()
    before = await stored()
    wrong = order_input("ORDER-3") | {"completedAt": "2999-01-01T00:00:00Z"}
    rows = [order_input("ORDER-2"), wrong, order_input("ORDER-2")]
    decisions = [{"reviewId": written["id"], "status": "REJECTED", "reason": "SPAM"}] * 2
    trouble.begin(path)
    fed = await shop.send(UPSERT, {"input": {"orders": rows}})
    decided = await ada.send(DECIDE, {"input": {"decisions": decisions}})
    trouble.end(path)

    results = fed.json()["data"]["upsertOrders"]["results"]
    assert [(row["outcome"], [e["code"] for e in row["errors"]]) for row in results] == [
        (None, ["UNAVAILABLE"]),
        (None, ["INVALID"]),
        (None, ["UNAVAILABLE"]),
    ]
    assert results[2]["errors"][0]["field"] == ["input", "orders", "2"]
    results = decided.json()["data"]["moderateReviews"]["results"]
    assert [(row["review"], [e["code"] for e in row["errors"]]) for row in results] == [
        (None, ["UNAVAILABLE"])
    ] * 2
    assert await stored() == before
    assert warned_once(caplog)


async def test_streams_say_it_too(trouble, path, feed, maria, socket, events, caplog):
    await feed()
    query = CREATE.replace("($input: CreateReviewInput!)", "").replace(
        "$input", f'{{order: {{externalId: "ORDER-1"}}, rating: 5, body: "{BODY}"}}'
    )
    connection = await socket(token=maria.token)
    trouble.begin(path)
    await connection.say({"id": "1", "type": "subscribe", "payload": {"query": query}})
    message = await connection.hear()
    stream = await events(query, maria.token)
    event = await stream.event()
    trouble.end(path)

    for body in (message["payload"], event[1]):
        errors = body["errors"] if isinstance(body, dict) else body
        assert [error["extensions"]["code"] for error in errors] == ["UNAVAILABLE"]
    assert warned_once(caplog)


async def test_a_page_says_it_kindly(trouble, path, feed, client, caplog):
    await feed()
    order = await Order.get(external_id="ORDER-1")
    until = datetime.now(UTC) + timedelta(days=1)
    token = sign(SECRET, Claim(Purpose.REVIEW, order.id, order.link_version, expires_at=until))
    page = await client.get(f"/r/{token}")
    assert page.status_code == 200
    trouble.begin(path)
    answer = await client.post(
        f"/r/{token}", data={"rating": "5", "body": BODY}, headers={"Accept-Language": "de"}
    )
    trouble.end(path)

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "in einer Minute" in answer.text
    assert "Es wurde nichts gespeichert." in answer.text
    assert (await sql.fetch("SELECT COUNT(*) AS n FROM review"))[0]["n"] == 0
    assert warned_once(caplog)
