"""Connections of PostgreSQL are lent to those who wait in the order in which they came."""

import asyncio

import pytest

from models import sql
from models.database import transaction
from models.unavailable import Unavailable

CLIENTS, CONNECTIONS = 64, 8
QUERY = "{ reviews(first: 1) { nodes { rating } } }"


@pytest.fixture
def database(postgres_database):
    """PostgreSQL only: SQLite has no pool."""
    return postgres_database


async def test_nobody_overtakes_those_who_wait(review, nobody):
    await review()
    # Whoever is the first on a connection waits until it is opened.
    await asyncio.gather(*(nobody.ask(QUERY) for _ in range(CLIENTS)))
    answered, overtaken = 0, []

    async def client():
        nonlocal answered
        for _ in range(20):
            before = answered
            await nobody.ask(QUERY)
            answered += 1
            overtaken.append(answered - before)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))

    # Each is answered once while one waits; a few more, since statements end in any order.
    assert max(overtaken) <= 1.5 * CLIENTS


async def test_no_connection_is_lost_by_those_who_give_up(review, nobody):
    await review()

    async def hold(release):
        async with transaction():
            await sql.fetch("SELECT 1 AS one")
            await release.wait()

    async def give_up(after):
        with pytest.raises((TimeoutError, Unavailable)):
            async with asyncio.timeout(after):
                await sql.fetch("SELECT pg_sleep(5)")

    release = asyncio.Event()
    holders = [asyncio.create_task(hold(release)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.2)
    # Some give up while they wait for a connection, others while their statement runs.
    await asyncio.gather(*(give_up(0.05) for _ in range(20)))
    release.set()
    await asyncio.gather(*holders)
    await asyncio.gather(*(give_up(0.2) for _ in range(2 * CONNECTIONS)))

    held = asyncio.Event()
    async with asyncio.timeout(20):
        holders = [asyncio.create_task(hold(held)) for _ in range(CONNECTIONS - 1)]
        assert (await nobody.ask(QUERY))["reviews"]["nodes"] == [{"rating": 5}]
        held.set()
        await asyncio.gather(*holders)
