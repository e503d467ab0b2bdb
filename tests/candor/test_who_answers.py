"""Metrics count who made a response, and bugs of the fast way are logged once, for operators only."""

import logging

import pytest

from candor.engine.fast import completion_codegen, field_plans, variables
from candor.engine.fast.rows import queries
from candor.engine.fast.rows.field_expressions import RECIPES, SameRow
from models import sql
from models.rating_tally import Tally
from models.unavailable import Unavailable
from tests.candor.test_health import figures

STRAIGHT = 'query Card { service(ref: {externalId: "LOGO"}) { title ratingSummary { count average } reviews { nodes { body } } } }'
COMPILED = "query Page { reviews { totalCount nodes { body author { displayName } } } }"
STOCK = "query If($yes: Boolean! = true) { reviews @include(if: $yes) { totalCount } }"
WAYS = {"straight": STRAIGHT, "compiled": COMPILED, "stock": STOCK}
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def told(caplog):
    """The ERROR lines of the log."""
    return lambda: [
        (record.name, record.getMessage())
        for record in caplog.records
        if record.levelno >= logging.ERROR
    ]


@pytest.fixture
async def written(review):
    return await review(body="Good work, and quick.")


async def counted(client) -> dict[str, float]:
    found = figures((await client.get("/metrics")).text)
    return {by: found[f'candor_answers_total{{by="{by}"}}'] for by in WAYS}


@pytest.mark.parametrize("way", list(WAYS))
async def test_an_answer_is_counted_by_who_made_it(written, client, post, way):
    before = await counted(client)

    await post({"query": WAYS[way]})
    await client.get("/graphql", params={"query": WAYS[way]})
    await client.post("/graphql", json={"query": WAYS[way]}, headers=EVENTS)

    assert await counted(client) == before | {way: before[way] + 3}


async def test_a_mutation_is_counted_too(written, client, maria):
    before = await counted(client)

    await maria.ask("mutation { markNotificationsRead(input: {all: true}) { errors { code } } }")

    assert await counted(client) == before | {"compiled": before["compiled"] + 1}


async def test_without_compiling_all_answers_are_stock(written, another):
    async with another(compiled=False) as client:
        for query in WAYS.values():
            await client.post("/graphql", json={"query": query})

        assert await counted(client) == {"straight": 0, "compiled": 0, "stock": 3}


@pytest.mark.parametrize(
    "body",
    [
        {"query": "{ nothing }"},
        {"query": "query($n: Int!) { reviews(first: $n) { totalCount } }", "variables": {"n": "x"}},
        {"query": "{ a: reviews { totalCount } b"},
    ],
)
async def test_what_is_not_executed_is_answered_by_nobody(client, post, body):
    assert (await post(body)).json()["errors"]

    assert await counted(client) == dict.fromkeys(WAYS, 0)


def _raise(*_args, **_kwargs):
    raise RuntimeError("planted")


# Each is a fault in one part of the fast way, whose operation it is in, and who answers instead.
FAULTS = {
    "a recipe names what is not there": (
        (RECIPES["Service"].fields, "title", "{its_title}.nothing"),
        (STRAIGHT, "compiled"),
    ),
    "a recipe names no column": (
        (RECIPES["Service"].fields, "title", "{its_nothing}"),
        (STRAIGHT, "compiled"),
    ),
    "a recipe is no Python": (
        (RECIPES["RatingSummary"].fields, "count", "whole("),
        (STRAIGHT, "compiled"),
    ),
    "a recipe reads another row": (
        (RECIPES["Service"].fields, "ratingSummary", SameRow("", "seller_nothing_")),
        (STRAIGHT, "compiled"),
    ),
    "a page is not cut": ((queries, "cut", _raise), (STRAIGHT, "compiled")),
    "generated code reads what is not there": (
        (completion_codegen._CHECKS, "int", "{0}.nothing"),
        (COMPILED, "stock"),
    ),
    "no plan can be made": ((field_plans, "plan_field", _raise), (COMPILED, "stock")),
    "neither rows nor a plan": ((field_plans, "plan_field", _raise), (STRAIGHT, "stock")),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_one_line_and_the_answer_is_right(
    written, another, post, told, monkeypatch, fault
):
    (place, name, wrong), (query, instead) = FAULTS[fault]
    expected = (await post({"query": query})).json()
    (monkeypatch.setitem if isinstance(place, dict) else monkeypatch.setattr)(place, name, wrong)

    async with another() as client:
        answers = [await client.post("/graphql", json={"query": query}) for _ in range(3)]
        by = await counted(client)

    assert [answer.json() for answer in answers] == [expected] * 3
    assert "errors" not in expected
    assert by == dict.fromkeys(WAYS, 0) | {instead: 3}
    ((logger, line),) = told()
    assert logger == "candor.fast"
    assert query.split()[1] in line


async def test_each_operation_with_a_fault_has_its_line(written, another, told, monkeypatch):
    monkeypatch.setitem(RECIPES["Service"].fields, "title", "{its_title}.nothing")

    async with another() as client:
        for name in ("One", "Two", "One", "Two"):
            await client.post("/graphql", json={"query": STRAIGHT.replace("Card", name)})

    assert [line.split(";")[0].split()[-1] for _, line in told()] == ["One", "Two"]


async def test_a_fault_with_variables_is_one_line_and_they_are_coerced(
    written, another, told, monkeypatch
):
    query = "query Ref($ref: NodeRef!) { service(ref: $ref) { title } }"
    monkeypatch.setattr(variables._InputObject, "__call__", _raise)

    async with another() as client:
        for _ in range(2):
            asked = {"query": query, "variables": {"ref": {"externalId": "LOGO"}}}
            answer = await client.post("/graphql", json=asked)
            assert answer.json()["data"] == {"service": {"title": "A logo"}}

    assert [logger for logger, _ in told()] == ["candor.fast"]


async def test_a_value_that_takes_the_slow_way_is_no_fault(written, post, told):
    node = written["id"]
    refused = await post({"query": STRAIGHT.replace("reviews {", "reviews(first: 1000) {")})
    shown = await post({"query": f'{{ node(id: "{node}") {{ id ... on Review {{ body }} }} }}'})

    assert refused.json()["errors"]
    assert shown.json()["data"]["node"]["id"] == node
    assert told() == []


async def test_a_bug_of_a_resolver_is_told_as_its_own(written, post, told, monkeypatch):
    monkeypatch.setattr(Tally, "hundredths", property(_raise))
    for query in (STRAIGHT, "{ services { nodes { ratingSummary { average } } } }"):
        answer = await post({"query": query})
        assert [e["extensions"]["code"] for e in answer.json()["errors"]] == [
            "INTERNAL_SERVER_ERROR"
        ]

    assert {logger for logger, _ in told()} == {"candor.errors"}


async def test_an_outage_is_no_fault(written, another, told, monkeypatch):
    async with another() as client:
        await client.post("/graphql", json={"query": STRAIGHT})

        # The rows' own statement fails, as it does when a connection was lost just now.
        async def lost(*_):
            raise Unavailable("ConnectionDoesNotExistError")

        monkeypatch.setattr(queries.ServiceQuery, "answer", lost)
        answer = await client.post("/graphql", json={"query": STRAIGHT})

    assert "errors" not in answer.json()
    assert told() == []


async def test_a_database_that_is_away_is_told_as_that(written, post, told, monkeypatch):
    async def away(*_, **__):
        raise Unavailable("ConnectionDoesNotExistError")

    monkeypatch.setattr(sql, "fetch", away)
    monkeypatch.setattr(sql, "reader", lambda _types: away)

    assert (await post({"query": STRAIGHT})).status_code == 503
    assert told() == []
