"""Budgets: what a caller may spend in a minute."""

import asyncio
import time
from types import SimpleNamespace

import pytest

from candor.callers import budgets, redis_budgets
from candor.callers.budgets import Budgets, Caller, network
from candor.errors import RateLimited
from resolvers.viewer import Role, Viewer


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


QUERY = {"query": "{ reviews { nodes { id } } }"}
ORDER = {"query": '{ order(ref: {externalId: "1"}) { id } }'}


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(budgets, "REFUSAL_DELAY", 0)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(budgets, "_MULTIPLIER_OF_PEOPLE", 2)
    monkeypatch.setattr(budgets, "GUESSES", 3)


@pytest.fixture(params=[None, "memory://"], ids=["own", "shared"])
def store(request) -> str | None:
    """Where budgets are counted. Shared ones are counted by the library, here in memory."""
    return request.param


async def test_a_spent_budget_is_429_with_the_time_to_wait(another, small, store):
    async with another(rate_limits=True, budget=30, redis_url=store) as client:
        answers = [await client.post("/graphql", json=QUERY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    error = answers[2].json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 0 < error["extensions"]["retryAfter"] <= 60
    assert answers[2].headers["retry-after"] == str(error["extensions"]["retryAfter"])


async def test_callers_have_budgets_of_their_own(another, small, store, maria, carl):
    async with another(rate_limits=True, budget=30, redis_url=store) as client:
        for person, statuses in ((maria, [200] * 5 + [429]), (carl, [200])):
            headers = {"Authorization": f"Bearer {person.token}"}
            found = [
                (await client.post("/graphql", json=QUERY, headers=headers)).status_code
                for _ in statuses
            ]
            assert found == statuses


async def test_numbers_of_orders_cannot_be_tried_one_by_one(another, small, store, maria, sam):
    async with another(rate_limits=True, budget=30, redis_url=store) as client:
        for person, last in ((maria, 429), (sam, 200)):
            headers = {"Authorization": f"Bearer {person.token}"}
            found = [
                (await client.post("/graphql", json=ORDER, headers=headers)).status_code
                for _ in range(4)
            ]
            assert found == [200, 200, 200, last]


@pytest.mark.parametrize(
    "query",
    [
        '{ ... on Query { order(ref: {externalId: "1"}) { id } } }',
        '{ ...a } fragment a on Query { ...b } fragment b on Query { order(ref: {externalId: "1"}) { id } }',
        'mutation { openUpdate(input: {order: {externalId: "1"}, title: "x"}) { errors { code } } }',
        '{ viewer { role } ... @include(if: true) { reviewEligibility(order: {externalId: "1"}) { eligible } } }',
    ],
)  # fmt: skip
async def test_nor_inside_fragments(another, small, maria, query):
    async with another(rate_limits=True, budget=100) as client:
        headers = {"Authorization": f"Bearer {maria.token}"}
        found = [
            (await client.post("/graphql", json={"query": query}, headers=headers)).status_code
            for _ in range(4)
        ]

    assert found == [200, 200, 200, 429]


async def test_wrong_tokens_are_counted_against_their_sender(another, small):
    async with another(rate_limits=True, budget=30) as client:
        headers = {"Authorization": "Bearer wrong"}
        found = [
            (await client.post("/graphql", json=QUERY, headers=headers)).status_code
            for _ in range(4)
        ]

    assert found == [401, 401, 401, 429]


async def test_everything_is_allowed_while_the_store_is_down(another, small, caplog):
    async with another(rate_limits=True, redis_url="redis://127.0.0.1:1/0") as client:
        answer = await client.post("/graphql", json=QUERY)

    assert answer.status_code == 200
    assert "does not answer" in caplog.text


async def test_everything_is_allowed_when_the_store_fails_while_it_refuses(
    another, small, caplog, monkeypatch
):
    async def lost(*_):
        raise ConnectionError

    monkeypatch.setattr(redis_budgets.SlidingWindowCounterRateLimiter, "get_window_stats", lost)
    async with another(rate_limits=True, budget=30, redis_url="memory://") as client:
        answers = [await client.post("/graphql", json=QUERY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "does not answer" in caplog.text


@pytest.fixture
def clock(monkeypatch):
    """Set the elapsed seconds."""
    began = time.monotonic()

    def at(seconds: float) -> None:
        # Only for this module: the event loop keeps its own clock.
        monkeypatch.setattr(budgets, "time", SimpleNamespace(monotonic=lambda: began + seconds))

    at(0)
    return at


async def _spent(budget: Budgets, *costs: int) -> list[bool]:
    """Which of the costs were refused."""
    refused = []
    for cost in costs:
        try:
            await budget.spend(Caller(address="192.0.2.7"), cost=cost, guesses=0)
            refused.append(False)
        except RateLimited:
            refused.append(True)
    return refused


async def test_what_was_spent_counts_for_less_and_less_in_the_next_minute(clock):
    budget = Budgets(None, 100)

    assert await _spent(budget, 60, 40, 1) == [False, False, True]
    clock(59)
    assert await _spent(budget, 1) == [True]
    clock(90)  # half of the 100 still counts
    assert await _spent(budget, 50, 2) == [False, True]
    clock(120)  # and these 50 now count in full
    assert await _spent(budget, 50, 2) == [False, True]
    clock(600)
    assert await _spent(budget, 100, 1) == [False, True]


async def test_the_time_to_wait_is_as_long_as_it_takes(clock):
    budget = Budgets(None, 60)
    await _spent(budget, 60)
    clock(60)
    with pytest.raises(RateLimited) as refused:
        await budget.spend(Caller(address="192.0.2.7"), cost=10, guesses=0)
    wait = refused.value.figures["retryAfter"]

    clock(60 + wait - 1)
    assert await _spent(budget, 10) == [True]
    clock(60 + wait)
    assert await _spent(budget, 10) == [False]


async def test_many_anonymous_callers_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(budgets, "MAX_CALLERS", 100)
    budget = Budgets(None, 100)
    for number in range(1_000):
        await budget.guess(f"192.0.{number // 256}.{number % 256}")

    assert sum(map(len, (budget._own._current, budget._own._previous))) <= 200


async def test_a_spent_budget_stays_spent_when_many_others_come(clock, monkeypatch):
    monkeypatch.setattr(budgets, "MAX_CALLERS", 100)
    budget = Budgets(None, 100)
    clock(59)
    assert await _spent(budget, 100) == [False]
    for number in range(100):
        await budget.guess(f"192.0.3.{number}")

    assert await _spent(budget, 1) == [True]


async def test_points_taken_in_advance_concurrently_are_all_counted():
    shared = redis_budgets.SharedBudgets("memory://")
    taken = await asyncio.gather(*(shared.take("points", "somebody", 1, 1_000) for _ in range(50)))
    assert max(taken) == 0

    left = 0
    while await shared.take("points", "somebody", 1, 1_000) == 0:
        left += 1
    assert left == 950


async def test_there_are_no_budgets_by_default(post):
    assert {(await post(QUERY)).status_code for _ in range(50)} == {200}


@pytest.mark.parametrize(
    ("caller", "name"),
    [
        (Caller(address="192.0.2.7"), "ANONYMOUS:192.0.2.7"),
        (Caller(address="2001:db8:1:2:3:4:5:6"), "ANONYMOUS:2001:db8:1:2::"),
        (Caller(Viewer(Role.CUSTOMER, external_id="MARIA"), "192.0.2.7"), "CUSTOMER:MARIA"),
        (Caller(Viewer(Role.INTEGRATION, external_id="shop")), "INTEGRATION:shop"),
    ],
)
def test_a_caller_is_a_person_or_a_network(caller, name):
    assert caller.name == name


def test_a_text_that_is_no_address_is_used_unchanged():
    assert network("testclient") == "testclient"
