"""Every writer that locks both locks reviews before counters, so that none deadlock."""

import asyncio
import re

import pytest
from tortoise.connection import get_connection

from models import sql
from models.database import transaction
from resolvers import rating_counters

BODY = "Very good work, on time."
LOCKS = re.compile(
    r'(?:INSERT INTO|UPDATE|DELETE FROM|LOCK TABLE) "?(review|rating_counter)"?\b', re.IGNORECASE
)


@pytest.fixture
def database(postgres_database):
    """PostgreSQL only: SQLite has one lock for all writers."""
    return postgres_database


@pytest.fixture
async def locked(app):
    """The tables that each transaction locks, in order, read from its statements."""
    await sql.fetch("SELECT 1 AS one")
    holders = get_connection("default")._pool._holders
    sent = []
    for holder in holders:
        if holder._con is None:
            await holder.connect()
        holder._con.add_query_logger(lambda log, holder=holder: sent.append((holder, log.query)))

    def read():
        transactions, open_ones = [], {}
        for holder, query in sent:
            tables = LOCKS.findall(query)
            if query.startswith("BEGIN"):
                open_ones[holder] = []
            elif query.startswith(("COMMIT", "ROLLBACK")):
                transactions.append(open_ones.pop(holder))
            elif holder in open_ones:
                open_ones[holder] += tables
            else:
                transactions.append(tables)
        sent.clear()
        return [tables for tables in transactions if {"review", "rating_counter"} <= set(tables)]

    return read


async def test_writers_that_lock_both_lock_reviews_first(locked, review, maria, ada):
    async def take(person, step, **input):
        payload = await person.do(f"{step}Review", reviewId=written["id"], **input)
        assert payload["errors"] == []
        locks[step] = locked()

    locks = {}
    written = await review("A")
    locks["create"] = locked()
    await take(maria, "edit", rating=2)
    await take(ada, "reject", reason="SPAM")
    await take(ada, "approve")
    await take(ada, "delete", reason="A test.")
    async with transaction():
        await rating_counters.repair()
    locks["repair"] = locked()

    assert all(locks.values()), locks
    assert [
        (step, tables)
        for step, transactions in locks.items()
        for tables in transactions
        if tables[0] != "review" or "review" in tables[tables.index("rating_counter") :]
    ] == []


async def test_repairs_during_writes_fail_for_nobody(review, maria, ada):
    written = [await review(f"SEED-{number}") for number in range(4)]
    finished = asyncio.Event()

    async def write(number):
        for turn in range(6):
            await review(f"ORDER-{number}-{turn}")
            payload = await maria.do(
                "editReview", reviewId=written[number]["id"], rating=turn % 5 + 1
            )
            assert payload["errors"] == []

    async def repair():
        rounds = 0
        while not finished.is_set():
            async with transaction():
                assert await rating_counters.repair() == []
            rounds += 1
        return rounds

    repairs = asyncio.create_task(repair())
    try:
        await asyncio.gather(*(write(number) for number in range(4)))
    finally:
        finished.set()

    assert await repairs > 10
    assert await rating_counters.drifts() == []
