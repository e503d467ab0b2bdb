"""Tasks resume a few at a time after reads from PostgreSQL, so that the loop also runs others."""

import asyncio
import time

import pytest

from models import sql
from models.database import opened
from models.own_connections import OwnConnections
from models.turns import MAX_TASKS, Turns

COSTLY = 0.01
SEVERAL = 40


class Crowd:
    """Counts the tasks that resume in each turn of the loop."""

    def __init__(self):
        self.now, self.turns, self.order = 0, [], []

    def resume(self, name=None, seconds=COSTLY):
        self.now += 1
        self.order.append(name)
        time.sleep(seconds)

    async def watch(self):
        while True:
            self.turns.append(self.now)
            self.now = 0
            await asyncio.sleep(0)

    async def counted(self, *work):
        watching = asyncio.create_task(self.watch())
        await asyncio.gather(*work)
        watching.cancel()
        return [count for count in [*self.turns, self.now] if count]


@pytest.fixture
def crowd():
    return Crowd()


async def test_costly_work_resumes_one_by_one_and_in_its_order(crowd):
    turns = Turns()
    await turns.take()
    crowd.resume("first")

    async def work(number):
        await turns.take()
        crowd.resume(number)

    counts = await crowd.counted(*map(work, range(SEVERAL + MAX_TASKS)))

    # The cost is unknown until the first tasks have resumed.
    assert max(counts[1:]) <= 1
    assert counts[0] <= MAX_TASKS
    assert crowd.order[1:] == list(range(SEVERAL + MAX_TASKS))


async def test_cheap_work_does_not_wait_for_the_loop(crowd):
    turns = Turns()

    async def work(number):
        for _ in range(20):
            await turns.take()
            crowd.resume(number, 0)

    await crowd.counted(*map(work, range(MAX_TASKS)))

    assert len(crowd.turns) < 20 * MAX_TASKS / 2


async def test_a_cancelled_task_takes_no_turn(crowd):
    turns = Turns()
    await turns.take()

    async def work(number):
        await turns.take()
        crowd.resume(number)

    tasks = [asyncio.create_task(work(number)) for number in range(2 * MAX_TASKS)]
    await asyncio.sleep(0)
    for each in tasks[MAX_TASKS + 2 :: 2]:
        each.cancel()
    await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    cancelled = {number for number, each in enumerate(tasks) if each.cancelled()}
    assert cancelled
    assert crowd.order == [number for number in range(2 * MAX_TASKS) if number not in cancelled]


async def test_reads_resume_in_turn(crowd, postgres_database):
    async def work():
        await sql.fetch("SELECT 1 AS one")
        crowd.resume()

    async with opened(postgres_database):
        await asyncio.gather(*(work() for _ in range(2 * MAX_TASKS)))  # to measure the cost
        counts = await crowd.counted(*(work() for _ in range(SEVERAL)))

    assert sum(counts) >= SEVERAL
    assert max(counts[1:]) <= 2


async def test_own_connections_do_not_wait_for_a_turn(postgres_database, crowd):
    """They get their rows soon while many requests are under way."""
    own, done = OwnConnections(), []

    async def work():
        await sql.fetch("SELECT 1 AS one")
        crowd.resume()

    async def first():
        for _ in range(3):
            await sql.fetch("SELECT 1 AS one")
        done.append(len(crowd.order))

    async with opened(postgres_database), own.opened():
        with own.in_use():
            await first()  # opens the connection
        await asyncio.gather(*(work() for _ in range(MAX_TASKS)))
        crowd.order.clear()
        working = [asyncio.create_task(work()) for _ in range(4 * SEVERAL)]
        with own.in_use():
            await first()
        await asyncio.gather(*working)

    assert done[1] < 2 * SEVERAL
