"""Writes in one round trip: all of them are done, or none, and other statements are unaffected."""

import pytest

from models import RatingCounter, RatingSubject, announcements, sql
from models.database import opened
from models.one_round_trip import one_round_trip
from models.rating_tally import COUNTS
from models.uuid7 import uuid7

INSERT = (
    f"INSERT INTO rating_counter (subject_id, kind, {', '.join(COUNTS)})"
    f" VALUES (?, ?, {', '.join('1' * len(COUNTS))})"
)
BODY = "Very good work, on time."


@pytest.fixture
async def empty(database):
    async with opened(database):
        yield


async def test_all_writes_are_done_in_their_order(empty):
    subject = uuid7()
    async with one_round_trip() as writes:
        await writes.add(INSERT, subject, RatingSubject.SERVICE)
        await writes.require("SELECT 1 AS one")

    assert writes.done
    assert (await RatingCounter.get(subject_id=subject)).n1 == 1


async def test_nothing_is_done_when_a_required_statement_returns_no_row(empty):
    with announcements.listener("topic") as listener:
        async with one_round_trip() as writes:
            await writes.require("SELECT 1 AS one WHERE 1 = 2")
            await writes.add(INSERT, uuid7(), RatingSubject.SERVICE)
            await announcements.announce("topic", writes=writes)
        assert await listener.next(0.1) is None

    assert not writes.done
    assert not await RatingCounter.exists()


async def test_an_exception_leaves_nothing(empty):
    with pytest.raises(ZeroDivisionError):
        async with one_round_trip() as writes:
            await writes.add(INSERT, uuid7(), RatingSubject.SERVICE)
            raise ZeroDivisionError

    assert not await RatingCounter.exists()


async def test_a_statement_outside_the_writes_returns_its_real_row_count(empty):
    subject = uuid7()
    await sql.execute(INSERT, subject, RatingSubject.SERVICE)
    async with one_round_trip() as writes:
        await writes.require("SELECT 1 AS one")
        changed = await sql.execute("UPDATE rating_counter SET n1 = 2")

    assert changed == 1


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_review_with_its_mails_and_counters_is_two_statements(feed, maria, statements):
    await feed()
    ran = statements()

    await maria.do("createReview", order={"externalId": "ORDER-1"}, rating=5, body=BODY)

    assert len(ran) == 2
    assert ran[0].startswith("SELECT")
    for table in ("review", "outbox_mail", "notification", "rating_counter"):
        assert f"INSERT INTO {table} " in ran[1]
    # Told after the commit, by the connection that listens.
    assert "pg_notify" not in ran[1]
