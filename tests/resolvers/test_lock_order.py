"""Reviews are locked before counters, by whoever locks both: so nobody waits in a circle."""

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
    """SQLite has one lock for all."""
    return postgres_database


@pytest.fixture
async def locked(app):
    """What each transaction locks, in its order, as read from the statements that are sent."""
    await sql.fetch("SELECT 1 AS one")
    holders = get_connection("default")._pool._holders
    sent = []
    for holder in holders:
        if holder._con is None:
            await holder.connect()
        holder._con.add_query_logger(lambda seen, holder=holder: sent.append((holder, seen.query)))

    def look():
        orders, open_ones = [], {}
        for holder, query in sent:
            found = LOCKS.findall(query)
            if query.startswith("BEGIN"):
                open_ones[holder] = []
            elif query.startswith(("COMMIT", "ROLLBACK")):
                orders.append(open_ones.pop(holder))
            elif holder in open_ones:
                open_ones[holder] += found
            else:
                orders.append(found)
        sent.clear()
        return [order for order in orders if {"review", "rating_counter"} <= set(order)]

    return look


async def test_whoever_locks_both_locks_reviews_first(locked, review, maria, ada):
    async def take(person, step, **input):
        payload = await person.do(f"{step}Review", reviewId=written["id"], **input)
        assert payload["errors"] == []
        seen[step] = locked()

    seen = {}
    written = await review("A")
    seen["create"] = locked()
    await take(maria, "edit", rating=2)
    await take(ada, "reject", reason="SPAM")
    await take(ada, "approve")
    await take(ada, "delete", reason="A test.")
    async with transaction():
        await rating_counters.repair()
    seen["repair"] = locked()

    assert all(seen.values()), seen
    assert [
        (name, order)
        for name, orders in seen.items()
        for order in orders
        if order[0] != "review" or "review" in order[order.index("rating_counter") :]
    ] == []


async def test_repairing_beside_writers_fails_for_nobody(review, maria, ada):
    written = [await review(f"SEED-{number}") for number in range(4)]
    writing = asyncio.Event()

    async def write(number):
        for turn in range(6):
            await review(f"ORDER-{number}-{turn}")
            payload = await maria.do(
                "editReview", reviewId=written[number]["id"], rating=turn % 5 + 1
            )
            assert payload["errors"] == []

    async def repair():
        rounds = 0
        while not writing.is_set():
            async with transaction():
                assert await rating_counters.repair() == []
            rounds += 1
        return rounds

    repairs = asyncio.create_task(repair())
    try:
        await asyncio.gather(*(write(number) for number in range(4)))
    finally:
        writing.set()

    assert await repairs > 10
    assert await rating_counters.drifts() == []
