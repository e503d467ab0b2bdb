"""Answers are counted by what made them, and a bug in the fast way is logged once per operation."""

import logging

import pytest

from candor.engine.fast import completion_codegen, field_plans, variables
from candor.engine.fast.rows import queries
from candor.engine.fast.rows.field_expressions import FIELD_EXPRESSIONS, SameRow
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
def error_lines(caplog):
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
async def test_an_answer_is_counted_by_what_made_it(written, client, post, way):
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
async def test_a_request_that_is_not_executed_is_not_counted(client, post, body):
    assert (await post(body)).json()["errors"]

    assert await counted(client) == dict.fromkeys(WAYS, 0)


def _raise(*_args, **_kwargs):
    raise RuntimeError("planted")


# Planted bugs, each in one part of the fast way: the operation that hits it, and what answers.
BUGS = {
    "a field expression names an unknown attribute": (
        (FIELD_EXPRESSIONS["Service"].fields, "title", "{its_title}.nothing"),
        (STRAIGHT, "compiled"),
    ),
    "a field expression names no column": (
        (FIELD_EXPRESSIONS["Service"].fields, "title", "{its_nothing}"),
        (STRAIGHT, "compiled"),
    ),
    "a field expression is no Python": (
        (FIELD_EXPRESSIONS["RatingSummary"].fields, "count", "whole("),
        (STRAIGHT, "compiled"),
    ),
    "a field expression reads another row": (
        (FIELD_EXPRESSIONS["Service"].fields, "ratingSummary", SameRow("", "seller_nothing_")),
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


@pytest.mark.parametrize("bug", BUGS)
async def test_a_bug_is_one_line_and_the_answer_is_right(
    written, another, post, error_lines, monkeypatch, bug
):
    (place, name, wrong), (query, instead) = BUGS[bug]
    expected = (await post({"query": query})).json()
    (monkeypatch.setitem if isinstance(place, dict) else monkeypatch.setattr)(place, name, wrong)

    async with another() as client:
        answers = [await client.post("/graphql", json={"query": query}) for _ in range(3)]
        by = await counted(client)

    assert [answer.json() for answer in answers] == [expected] * 3
    assert "errors" not in expected
    assert by == dict.fromkeys(WAYS, 0) | {instead: 3}
    ((logger, line),) = error_lines()
    assert logger == "candor.fast"
    assert query.split()[1] in line


async def test_each_operation_with_a_bug_has_its_line(written, another, error_lines, monkeypatch):
    monkeypatch.setitem(FIELD_EXPRESSIONS["Service"].fields, "title", "{its_title}.nothing")

    async with another() as client:
        for name in ("One", "Two", "One", "Two"):
            await client.post("/graphql", json={"query": STRAIGHT.replace("Card", name)})

    assert [line.split(";")[0].split()[-1] for _, line in error_lines()] == ["One", "Two"]


async def test_a_bug_with_variables_is_one_line_and_they_are_coerced(
    written, another, error_lines, monkeypatch
):
    query = "query Ref($ref: NodeRef!) { service(ref: $ref) { title } }"
    monkeypatch.setattr(variables._InputObject, "__call__", _raise)

    async with another() as client:
        for _ in range(2):
            asked = {"query": query, "variables": {"ref": {"externalId": "LOGO"}}}
            answer = await client.post("/graphql", json=asked)
            assert answer.json()["data"] == {"service": {"title": "A logo"}}

    assert [logger for logger, _ in error_lines()] == ["candor.fast"]


async def test_a_value_that_is_handed_on_is_no_bug(written, post, error_lines):
    node = written["id"]
    refused = await post({"query": STRAIGHT.replace("reviews {", "reviews(first: 1000) {")})
    shown = await post({"query": f'{{ node(id: "{node}") {{ id ... on Review {{ body }} }} }}'})

    assert refused.json()["errors"]
    assert shown.json()["data"]["node"]["id"] == node
    assert error_lines() == []


async def test_a_bug_in_a_resolver_is_reported_as_its_own(written, post, error_lines, monkeypatch):
    monkeypatch.setattr(Tally, "hundredths", property(_raise))
    for query in (STRAIGHT, "{ services { nodes { ratingSummary { average } } } }"):
        answer = await post({"query": query})
        assert [e["extensions"]["code"] for e in answer.json()["errors"]] == [
            "INTERNAL_SERVER_ERROR"
        ]

    assert {logger for logger, _ in error_lines()} == {"candor.errors"}


async def test_an_outage_is_no_bug(written, another, error_lines, monkeypatch):
    async with another() as client:
        await client.post("/graphql", json={"query": STRAIGHT})

        # The statement for the rows fails, as when a connection was just lost.
        async def lost(*_):
            raise Unavailable("ConnectionDoesNotExistError")

        monkeypatch.setattr(queries.ServiceQuery, "answer", lost)
        answer = await client.post("/graphql", json={"query": STRAIGHT})

    assert "errors" not in answer.json()
    assert error_lines() == []


async def test_an_outage_of_the_whole_database_is_no_bug(written, post, error_lines, monkeypatch):
    async def away(*_, **__):
        raise Unavailable("ConnectionDoesNotExistError")

    monkeypatch.setattr(sql, "fetch", away)
    monkeypatch.setattr(sql, "reader", lambda *_: away)

    assert (await post({"query": STRAIGHT})).status_code == 503
    assert error_lines() == []
