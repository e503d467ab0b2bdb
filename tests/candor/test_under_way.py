"""What one caller has under way at once is bounded, so that nobody else waits for a crowd."""

import asyncio

import asyncpg
import pytest

from candor.callers.budgets import Budgets, Caller
from candor.callers.under_way import UnderWay
from models import sql
from tests.waiting import until

CROWD = 16
PAGE = {"query": "{ reviews(first: 10) { nodes { body } } }"}
SMALL = {"query": "{ reviews(first: 1) { nodes { body } } }"}
_WAITING = (
    "SELECT COUNT(*) AS amount FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def database(postgres_database):
    """PostgreSQL, where statements can be held and counted."""
    return postgres_database


@pytest.fixture
async def hold(database):
    """Let every statement about reviews wait, until the transaction that this gives is ended."""
    connection = await asyncpg.connect(database.replace("postgres://", "postgresql://", 1))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE review IN ACCESS EXCLUSIVE MODE")
    yield transaction
    await connection.close()


async def held():
    (row,) = await sql.fetch(_WAITING)
    return row["amount"]


async def settled(amount):
    """The statements that are held, when there are as many, and a while later."""
    await until(lambda: _is_held(amount))
    await asyncio.sleep(0.3)
    return await held()


async def _is_held(amount):
    return await held() >= amount


@pytest.mark.parametrize(("request_", "together"), [(PAGE, 1), (SMALL, 5)])
async def test_of_a_crowd_of_one_address_few_operations_are_under_way(
    another, hold, maria, request_, together
):
    async with another(rate_limits=True) as client:
        crowd = [asyncio.create_task(client.post("/graphql", json=request_)) for _ in range(CROWD)]
        assert await settled(together) == together
        headers = {"Authorization": f"Bearer {maria.token}"}
        other = asyncio.create_task(client.post("/graphql", json=PAGE, headers=headers))
        assert await settled(together + 1) == together + 1
        await hold.rollback()
        answers = await asyncio.gather(other, *crowd)

    assert [answer.status_code for answer in answers] == [200] * (CROWD + 1)
    assert all("errors" not in answer.json() for answer in answers)


async def test_clients_that_go_away_leave_their_turn_to_others(another, hold):
    async with another(rate_limits=True) as client:
        crowd = [asyncio.create_task(client.post("/graphql", json=PAGE)) for _ in range(CROWD)]
        assert await settled(1) == 1
        for request in crowd[:-1]:
            request.cancel()
        await asyncio.wait(crowd[:-1])
        await hold.rollback()
        last = await crowd[-1]

        assert last.status_code == 200
        assert (await client.post("/graphql", json=PAGE)).status_code == 200


async def test_the_marketplaces_own_key_and_a_server_without_budgets_do_not_wait(
    another, hold, shop
):
    async with another(rate_limits=True) as client:
        headers = {"Authorization": f"Bearer {shop.token}"}
        fed = [
            asyncio.create_task(client.post("/graphql", json=PAGE, headers=headers))
            for _ in range(6)
        ]
        assert await settled(6) == 6
        await hold.rollback()
        assert {answer.status_code for answer in await asyncio.gather(*fed)} == {200}


async def test_a_crowd_rests_as_long_as_it_works_but_a_page_of_six_requests_does_not():
    async def work(line, amount):
        loop = asyncio.get_running_loop()
        began = loop.time()

        async def one():
            async with line.turn(Caller(address="192.0.2.7"), 10):
                await asyncio.sleep(0.05)

        await asyncio.gather(*(one() for _ in range(amount)))
        return (loop.time() - began) / 0.05

    line = UnderWay(Budgets(None, 10_000))

    assert 7 <= await work(line, 7) < 10
    assert 23 <= await work(line, 16) < 32


async def test_a_turn_that_came_to_somebody_who_just_went_away_is_not_lost():
    line, caller, tasks = UnderWay(Budgets(None, 10_000)), Caller(address="192.0.2.7"), []

    async def work(then=lambda: None):
        async with line.turn(caller, 10):
            await asyncio.sleep(0.01)
        then()  # the next one has the turn, but has not resumed yet

    tasks += [asyncio.create_task(work(lambda: tasks[1].cancel("it went away")))]
    tasks += [asyncio.create_task(work()) for _ in range(2)]

    await asyncio.wait_for(tasks[2], 5)
    assert tasks[1].cancelled()
