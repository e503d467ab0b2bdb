"""Whoever has got rows from PostgreSQL goes on in turn: what else waits in the loop comes between."""

import asyncio
import time

import pytest

from models import sql
from models.database import opened
from models.own_connections import OwnConnections
from models.turns import MAX_TASKS, Turns

DEAR = 0.01
SEVERAL = 40


class Crowd:
    """How many went on since the loop came round last."""

    def __init__(self):
        self.now, self.seen, self.order = 0, [], []

    def goes_on(self, who=None, seconds=DEAR):
        self.now += 1
        self.order.append(who)
        time.sleep(seconds)

    async def watch(self):
        while True:
            self.seen.append(self.now)
            self.now = 0
            await asyncio.sleep(0)

    async def around(self, *work):
        watching = asyncio.create_task(self.watch())
        await asyncio.gather(*work)
        watching.cancel()
        return [each for each in [*self.seen, self.now] if each]


@pytest.fixture
def crowd():
    return Crowd()


async def test_dear_work_goes_on_one_by_one_and_in_its_order(crowd):
    turns = Turns()
    await turns.take()
    crowd.goes_on("first")

    async def work(number):
        await turns.take()
        crowd.goes_on(number)

    seen = await crowd.around(*map(work, range(SEVERAL + MAX_TASKS)))

    # Nobody knows how dear it is before a few have gone on.
    assert max(seen[1:]) <= 1
    assert seen[0] <= MAX_TASKS
    assert crowd.order[1:] == list(range(SEVERAL + MAX_TASKS))


async def test_what_is_cheap_does_not_wait_for_the_loop(crowd):
    turns = Turns()

    async def work(number):
        for _ in range(20):
            await turns.take()
            crowd.goes_on(number, 0)

    await crowd.around(*map(work, range(MAX_TASKS)))

    assert len(crowd.seen) < 20 * MAX_TASKS / 2


async def test_whoever_leaves_takes_no_turn(crowd):
    turns = Turns()
    await turns.take()

    async def work(number):
        await turns.take()
        crowd.goes_on(number)

    tasks = [asyncio.create_task(work(number)) for number in range(2 * MAX_TASKS)]
    await asyncio.sleep(0)
    for each in tasks[MAX_TASKS + 2 :: 2]:
        each.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    left = {number for number, each in enumerate(tasks) if each.cancelled()}
    assert left
    assert crowd.order == [number for number in range(2 * MAX_TASKS) if number not in left]


async def test_rows_are_dealt_with_in_turn(crowd, postgres_database):
    async def work():
        await sql.fetch("SELECT 1 AS one")
        crowd.goes_on()

    async with opened(postgres_database):
        await asyncio.gather(
            *(work() for _ in range(2 * MAX_TASKS))
        )  # now it is known how dear it is
        seen = await crowd.around(*(work() for _ in range(SEVERAL)))

    assert sum(seen) >= SEVERAL
    assert max(seen[1:]) <= 2


async def test_own_connections_go_first(postgres_database, crowd):
    """While a crowd is under way, other work has its rows soon."""
    own, done = OwnConnections(), []

    async def work():
        await sql.fetch("SELECT 1 AS one")
        crowd.goes_on()

    async def first():
        for _ in range(3):
            await sql.fetch("SELECT 1 AS one")
        done.append(len(crowd.order))

    async with opened(postgres_database), own.opened():
        with own.in_use():
            await first()  # the connection is open
        await asyncio.gather(*(work() for _ in range(MAX_TASKS)))
        crowd.order.clear()
        working = [asyncio.create_task(work()) for _ in range(4 * SEVERAL)]
        with own.in_use():
            await first()
        await asyncio.gather(*working)

    assert done[1] < 2 * SEVERAL
