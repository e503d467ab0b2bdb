"""PostgreSQL does not answer: requests end in time, and say no more than anybody knows."""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from candor.settings import Settings
from mailers.letters.signed_links import Claim, Purpose, sign
from mailers.outbox.suppression import recipient_hash
from schema import ids
from tests.fixtures.application import SECRET
from tests.fixtures.people import Person
from tests.fixtures.reviews import BODY

SECONDS = 0.5
# What looking around, and a busy machine, may add to it.
SLACK = 3.0
CREATE = (
    "mutation($input: CreateReviewInput!) { createReview(input: $input)"
    " { review { id rating body } errors { code } } }"
)


@pytest.fixture
def database(relay):
    return relay.url


@pytest.fixture
def settings(database):
    return Settings(database_url=database, secret=SECRET, operation_seconds=SECONDS)


def link_to(order):
    """The token of a link to review this order."""
    until = datetime.now(UTC) + timedelta(days=1)
    claim = Claim(Purpose.REVIEW, order["id"], order["link_version"], expires_at=until)
    return sign(SECRET, claim)


async def asked(person, query, variables):
    """The answer, which came in time, and its code; None for one without errors."""
    began = time.monotonic()
    answer = await person.send(query, variables)
    assert time.monotonic() - began < SECONDS + SLACK
    errors = answer.json().get("errors")
    if not errors:
        return None, answer
    assert answer.status_code == 503, answer.text
    return errors[0]["extensions"]["code"], answer


async def insisting(person, query, variables):
    """The data, asked for until the database is back."""
    async with asyncio.timeout(10):
        while "errors" in (answer := (await person.send(query, variables)).json()):
            await asyncio.sleep(0.02)
    return answer["data"]


@pytest.mark.parametrize("breaks", [False, True])
async def test_asking_again_with_the_key_works_wherever_the_answer_was_lost(
    breaks, relay, direct, everything, feed, maria
):
    told = set()
    for number, step in enumerate(relay.steps(told, "OUTCOME_UNKNOWN")):
        await feed(f"ORDER-{number}")
        given = {"order": {"externalId": f"ORDER-{number}"}, "rating": 4, "body": BODY}
        variables = {"input": given | {"idempotencyKey": f"KEY-{number}"}}
        relay.hold_after(step, breaks=breaks)
        code, answer = await asked(maria, CREATE, variables)
        relay.hold_after(None)
        if not relay.holds:
            assert code is None
            continue
        relay.drop()
        stored = len((await everything())["review"])
        if code in {"UNAVAILABLE", "OPERATION_TIMEOUT"}:
            assert stored == number
        else:
            assert code == "OUTCOME_UNKNOWN"
            assert "same idempotencyKey" in answer.json()["errors"][0]["message"]
        review = (await insisting(maria, CREATE, variables))["createReview"]["review"]
        assert (review["rating"], review["body"]) == (4, BODY)
        assert await direct.fetchval("SELECT COUNT(*) FROM review") == number + 1
        assert await direct.fetchval("SELECT SUM(n4) FROM rating_counter") == 2 * (number + 1)
        told.add(code)

    assert number >= 3
    assert told == {"OUTCOME_UNKNOWN", "UNAVAILABLE" if breaks else "OPERATION_TIMEOUT"}


@pytest.fixture
def pages(direct, feed, open_update, solve):
    """`await pages[name](order)` gives the address of a page, and a form that it stores."""

    async def of_a_review(name):
        await feed(name)
        order = await direct.fetchrow(
            "SELECT id, link_version FROM orders WHERE external_id = $1", name
        )
        return f"/r/{link_to(order)}", {"rating": "5", "body": BODY}

    async def of_an_update(name):
        update = await open_update(name)
        await solve(update)
        key = ids.decode(update["id"])[1]
        until = datetime.now(UTC) + timedelta(days=1)
        claim = Claim(Purpose.RATE_UPDATE, key, 1, number=1, expires_at=until)
        return f"/u/{sign(SECRET, claim)}", {"stars": "2", "comment": "Too late."}

    async def of_mails(name):
        recipient = recipient_hash(SECRET, f"{name}@example.com")
        claim = Claim(Purpose.UNSUBSCRIBE, UUID(hex=recipient), number=0)
        return f"/unsubscribe/{sign(SECRET, claim)}", {"choose": "yes"}

    return {"/r": of_a_review, "/u": of_an_update, "/unsubscribe": of_mails}


@pytest.mark.parametrize("page", ["/r", "/u", "/unsubscribe"])
async def test_a_page_says_no_more_than_is_known(page, pages, relay, everything, client):
    told = set()
    for number, step in enumerate(relay.steps(told, "unknown")):
        other, form = await pages[page](f"OTHER-{number}")
        await client.post(other, data=form)  # the connection then knows the statements
        address, form = await pages[page](f"ORDER-{number}")
        before = await everything()
        relay.hold_after(step)
        began = time.monotonic()
        answer = await client.post(address, data=form)
        assert time.monotonic() - began < SECONDS + SLACK
        relay.hold_after(None)
        if not relay.holds:
            assert answer.status_code in {200, 303}
            continue
        relay.drop()
        assert answer.status_code == 503
        if "Nothing was stored." in answer.text:
            assert await everything() == before
            told.add("nothing")
        else:
            assert "it shows whether what you sent was stored" in answer.text
            assert answer.headers["Retry-After"]
            told.add("unknown")
        async with asyncio.timeout(10):
            while (await client.get(address)).status_code != 200:
                await asyncio.sleep(0.02)

    assert told == {"nothing", "unknown"}


async def test_streams_end_in_time_too(relay, feed, maria, nobody, socket, events):
    await feed()
    query = CREATE.replace("($input: CreateReviewInput!)", "").replace(
        "$input", f'{{order: {{externalId: "ORDER-1"}}, rating: 5, body: "{BODY}"}}'
    )
    connection = await socket(token=maria.token)
    relay.hold_after(0)
    began = time.monotonic()
    await connection.say({"id": "1", "type": "subscribe", "payload": {"query": query}})
    told = await connection.hear()
    stream = await events(query, maria.token)
    event = await stream.event()

    assert time.monotonic() - began < 2 * (SECONDS + SLACK)
    assert told["payload"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"
    assert event[1]["errors"][0]["extensions"]["code"] == "OPERATION_TIMEOUT"
    relay.hold_after(None)
    relay.drop()
    assert (await insisting(nobody, "{ reviews { totalCount } }", {}))["reviews"] == {
        "totalCount": 0
    }


async def test_a_database_that_stands_still_lets_requests_end_in_time(
    direct, postgres_database, review, maria, shop, nobody, socket
):
    await review()
    order = await direct.fetchrow("SELECT id, link_version FROM orders")
    guest = Person(maria.client, link_to(order))
    folder = Path(parse_qs(urlsplit(postgres_database).query)["host"][0])
    backends = await direct.fetch(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    stopped = [int((folder / "postmaster.pid").read_text().split()[0])]
    stopped += [row["pid"] for row in backends]
    query = "{ reviews { nodes { id body } } }"
    variables = {"input": {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": BODY}}

    async def connected():
        began = time.monotonic()
        connection = await socket(token=shop.token)
        assert time.monotonic() - began < SECONDS + SLACK
        return connection.ack

    try:
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        answers = await asyncio.gather(
            *(asked(nobody, query, {}) for _ in range(12)),
            *(asked(maria, CREATE, variables) for _ in range(3)),
            # Who they are is asked of the database, too.
            *(asked(person, query, {}) for person in (shop, guest)),
        )
        refused = await connected()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)

    assert {code for code, _ in answers} == {"OPERATION_TIMEOUT"}
    assert refused[0] == 1013
    assert len((await insisting(nobody, query, {}))["reviews"]["nodes"]) == 1
