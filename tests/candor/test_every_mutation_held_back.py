"""PostgreSQL's answer is lost at each step of each mutation: what is said is true, and helps."""

import asyncio
import re
import time
from dataclasses import replace
from itertools import count

import pytest
from graphql import parse, validate

from schema.api import schema
from schema.outcome_queries import OUTCOME_QUERIES, REPEATABLE
from tests.candor.mutations import FIELDS, Stage, document, has_key

SECONDS = 0.15
# What looking around, and a busy machine, may add to it.
SLACK = 1.0
NOTHING = {"UNAVAILABLE", "OPERATION_TIMEOUT"}


@pytest.fixture
def database(relay):
    return relay.url


@pytest.fixture
async def hurried(app, another):
    """The door whose requests end soon; the others, on a busy machine, may take their time."""
    async with another(operation_seconds=SECONDS) as client:
        yield client


@pytest.fixture
def stage(request, hurried, feed, review, open_update, solve):
    names = ("maria", "carl", "nina", "sam", "ada", "shop")
    cast = {name: request.getfixturevalue(name) for name in names}
    return Stage(cast, feed=feed, review=review, open_update=open_update, solve=solve), cast


def growth(before, after):
    return {name: len(rows) - len(before[name]) for name, rows in after.items()}


async def insisting(person, query, variables):
    """The data, asked for until the database is back."""
    async with asyncio.timeout(10):
        while "errors" in (answer := (await person.send(query, variables)).json()):
            codes = {each["extensions"].get("code") for each in answer["errors"]}
            assert codes <= NOTHING, answer
            await asyncio.sleep(0.01)
    return answer["data"]


def refusals(answer):
    """The errors of the request, else those of the payload and its rows."""
    body = answer.json()
    if errors := body.get("errors"):
        assert answer.status_code == 503
        return [(error["extensions"]["code"], error["message"]) for error in errors]
    [payload] = body["data"].values()
    rows = [payload, *payload.get("results", [])]
    return [(error["code"], error["message"]) for row in rows for error in row["errors"]]


def look_of(mutation, given):
    """The query that shows what became of it, with its variables out of the input."""
    query = OUTCOME_QUERIES[mutation]
    [row] = next((value for value in given.values() if type(value) is list), [given])
    names = re.findall(r"\$(\w+):", query)
    return query, {name: row[name] for name in names}


@pytest.mark.parametrize("mutation", [*FIELDS])
def test_there_is_a_query_that_shows_what_became_of_it(mutation):
    assert validate(schema._schema, parse(OUTCOME_QUERIES[mutation])) == []


def test_no_query_is_of_a_mutation_that_is_no_more():
    assert set(OUTCOME_QUERIES) == set(FIELDS)
    assert set(FIELDS) > REPEATABLE


def ways():
    """Each mutation; one that takes a key with it, and without."""
    for mutation in FIELDS:
        yield mutation, False
        if has_key(mutation):
            yield mutation, True


@pytest.mark.parametrize("breaks", [False, True], ids=["held", "broken"])
@pytest.mark.parametrize(("mutation", "keyed"), [*ways()])
async def test_whoever_got_no_answer_finds_out(
    mutation, keyed, breaks, relay, everything, stage, hurried
):
    stage, cast = stage
    query, told, names = document(mutation), set(), count()

    async def prepared():
        name, given = await stage.prepared(mutation, f"ORDER-{next(names)}")
        if keyed:
            given |= {"idempotencyKey": f"KEY-{next(names)}"}
        return cast[name], {"input": given}

    async def usual():
        person, variables = await prepared()
        before = await everything()
        assert refusals(await person.send(query, variables)) == []
        return growth(before, await everything())

    await usual()
    grown = await usual()
    for step in relay.steps(told, "OUTCOME_UNKNOWN"):
        # The connection then knows the statements: each answer is that of one of them.
        other, values = await prepared()
        await other.send(query, values)
        person, variables = await prepared()
        look = look_of(mutation, variables["input"])
        before, shown = await everything(), await person.ask(look[0], **look[1])
        relay.hold_after(step, breaks=breaks)
        began = time.monotonic()
        refused = refusals(await replace(person, client=hurried).send(query, variables))
        assert time.monotonic() - began < SECONDS + SLACK
        relay.hold_after(None)
        if not relay.holds and not refused:
            continue
        relay.drop()
        after = await everything()
        is_stored = (await insisting(person, *look)) != shown
        told |= {code for code, _ in refused}
        for code, message in refused:
            if code in NOTHING:
                assert after == before
            else:
                assert code == "OUTCOME_UNKNOWN"
                assert advice(mutation, look[0], keyed=keyed) in message
        assert is_stored == (after != before)
        if keyed or not is_stored or mutation in REPEATABLE:
            await insisting(person, query, variables)
        assert growth(before, await everything()) == grown

    assert step > 0
    assert "OUTCOME_UNKNOWN" in told
    assert told <= {"OUTCOME_UNKNOWN", *NOTHING}


def advice(mutation, look, *, keyed):
    if keyed:
        return "Ask again with the same idempotencyKey"
    return "Send it again" if mutation in REPEATABLE else f"Look before you ask again: {look}"
