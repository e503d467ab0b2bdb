"""What a caller may spend in a minute."""

import pytest

from candor import budgets
from candor.budgets import Caller, network
from resolvers.viewer import Role, Viewer


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


QUERY = {"query": "{ reviews { nodes { id } } }"}
ORDER = {"query": '{ order(ref: {externalId: "1"}) { id } }'}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(budgets, "_SHARES_OF_PEOPLE", 2)
    monkeypatch.setattr(budgets, "GUESSES", 3)


async def test_a_spent_budget_is_429_with_the_time_to_wait(another, small):
    async with another(rate_limits=True, budget=30) as client:
        answers = [await client.post("/graphql", json=QUERY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    error = answers[2].json()["errors"][0]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert 0 < error["extensions"]["retryAfter"] <= 60
    assert answers[2].headers["retry-after"] == str(error["extensions"]["retryAfter"])


async def test_callers_have_budgets_of_their_own(another, small, maria, carl):
    async with another(rate_limits=True, budget=30) as client:
        for person, statuses in ((maria, [200] * 5 + [429]), (carl, [200])):
            headers = {"Authorization": f"Bearer {person.token}"}
            found = [
                (await client.post("/graphql", json=QUERY, headers=headers)).status_code
                for _ in statuses
            ]
            assert found == statuses


async def test_numbers_of_orders_cannot_be_tried_one_by_one(another, small, maria, sam):
    async with another(rate_limits=True, budget=30) as client:
        for person, last in ((maria, 429), (sam, 200)):
            headers = {"Authorization": f"Bearer {person.token}"}
            found = [
                (await client.post("/graphql", json=ORDER, headers=headers)).status_code
                for _ in range(4)
            ]
            assert found == [200, 200, 200, last]


async def test_wrong_tokens_are_counted_against_their_sender(another, small):
    async with another(rate_limits=True, budget=30) as client:
        headers = {"Authorization": "Bearer wrong"}
        found = [
            (await client.post("/graphql", json=QUERY, headers=headers)).status_code
            for _ in range(4)
        ]

    assert found == [401, 401, 401, 429]


async def test_a_store_that_is_down_closes_no_shop(another, small, caplog):
    async with another(rate_limits=True, redis_url="redis://127.0.0.1:1/0") as client:
        answer = await client.post("/graphql", json=QUERY)

    assert answer.status_code == 200
    assert "does not answer" in caplog.text


async def test_a_store_that_goes_down_while_it_refuses_closes_no_shop(
    another, small, caplog, monkeypatch
):
    async def lost(*_):
        raise ConnectionError

    monkeypatch.setattr(budgets.SlidingWindowCounterRateLimiter, "get_window_stats", lost)
    async with another(rate_limits=True, budget=30) as client:
        answers = [await client.post("/graphql", json=QUERY) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "does not answer" in caplog.text


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


def test_what_is_no_address_is_taken_as_it_is():
    assert network("testclient") == "testclient"
