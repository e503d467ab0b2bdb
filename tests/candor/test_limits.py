"""Documents that are too large, and operations that are too expensive."""

import time
from contextlib import suppress

import pytest
from graphql import get_introspection_query

from candor.engine.documents import Documents
from candor.errors import Rejected, TooComplex
from schema.api import schema


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


BOMB = (
    "{...A0}"
    + "".join(f"fragment A{n} on Query{{...A{n + 1} ...A{n + 1}}}" for n in range(16))
    + "fragment A16 on Query{__typename}"
)


@pytest.mark.parametrize(
    ("query", "limit", "most"),
    [
        (BOMB, "fields", 500),
        ("{" + "viewer { role } " * 300 + "}", "fields", 500),
        ("{" + " ".join(f"a{n}: viewer {{ role }}" for n in range(31)) + "}", "aliases", 30),
        ("{ viewer { role " + "@include(if: true)" * 31 + " } }", "directives", 30),
        ("{ viewer { role " + "@nope" * 200 + " } }", "directives", 30),
        ("{" + "vendor { services { nodes { " * 6 + "id" + " } } }" * 6 + "}", "depth", 15),
        ("{ a" + "{ a" * 150 + "}" * 151, "depth", 15),
        (
            "{" + " ".join(f"a{n}: __schema {{ description }}" for n in range(3)) + "}",
            "introspections",
            2,
        ),
        (
            "{ __schema { types {"
            + " ".join(
                f"a{n}: fields {{ name args {{ name type {{ name }} }} type {{ name }} }}"
                for n in range(25)
            )
            + "} } }",
            "introspection_aliases",
            3,
        ),
        (" ".join(f"query Q{n} {{ __typename }}" for n in range(11)), "operations", 10),
        (
            "query(" + " ".join(f"$v{n}: Int" for n in range(51)) + ") { __typename }",
            "variables",
            50,
        ),
        ("{" + " __typename" * 2001 + "}", "tokens", 2000),
        (
            "{...A0}"
            + "".join(f"fragment A{n} on Query{{...A{n + 1}}}" for n in range(150))
            + "fragment A150 on Query{__typename}",
            "depth",
            15,
        ),
    ],
)
async def test_a_document_over_a_limit_is_refused_with_the_figure(code, query, limit, most):
    began = time.process_time()
    found, error = await code(query)

    assert found == "QUERY_TOO_COMPLEX"
    assert (error["extensions"]["limit"], error["extensions"]["max"]) == (limit, most)
    assert time.process_time() - began < 0.5


def test_the_fragment_bomb_takes_linear_time():
    def seconds(length):
        text = (
            "{...A0}"
            + "".join(f"fragment A{n} on Query{{...A{n + 1} ...A{n + 1}}}" for n in range(length))
            + f"fragment A{length} on Query{{__typename}}"
        )
        began = time.process_time()
        with pytest.raises(TooComplex):
            Documents(schema, introspection=True).get(text)
        return time.process_time() - began

    seconds(16)

    assert len(BOMB) <= 642
    assert seconds(80) < 20 * seconds(16) + 0.01


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types " + "{ fields { type " * 10 + "{ name }" + "} }" * 10 + " } }",
        "fragment A on Query { ...B } fragment B on Query { ...A } { ...A }",
        "fragment A on Query { ...A } { ...A }",
        "{" * 3000,
        "#" * 50_000,
        "{ services(first: " + "9" * 5000 + ") { totalCount } }",
        "{ services(first: 2147483648) { totalCount } }",
        "{ node(id: " + "[" * 150 + "]" * 150 + ") { id } }",
        "{ viewer { role @skip(if: true) @skip(if: true) } }",
        'query($a: String = "' + "x" * 10_000 + '") { __typename }',
        "{ " + " ".join(f"...F{n}" for n in range(100)) + " }",
    ],
)
async def test_odd_documents_are_refused_quickly(code, query):
    began = time.process_time()
    found, _ = await code(query)

    assert found in {"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "QUERY_TOO_COMPLEX"}
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "query",
    [
        "{" + "viewer { role } " * 245 + "}",
        "{" + "viewer { vendor { id displayName } } " * 120 + "}",
        "{"
        + " ".join(f"...F{n}" for n in range(80))
        + "}"
        + " ".join(f"fragment F{n} on Query {{ viewer {{ vendor {{ id }} }} }}" for n in range(80)),
    ],
)
def test_fields_that_merge_are_compared_within_a_budget(query):
    began = time.process_time()
    with suppress(Rejected, TooComplex):
        Documents(schema, introspection=True).get(query)

    assert time.process_time() - began < 1


async def test_the_tools_introspection_passes(post):
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )

    assert "errors" not in (await post({"query": query})).json()


@pytest.mark.parametrize(
    ("query", "variables", "cost"),
    [
        ("{ __typename }", {}, 0),
        ("{ viewer { role } }", {}, 1),
        ("{ reviews { nodes { id } } }", {}, 1 + 10),
        ("{ reviews(first: 7) { nodes { id } } }", {}, 1 + 7),
        ("{ reviews(last: 7) { edges { cursor node { id } } } }", {}, 1 + 7),
        ("{ reviews(first: 7) { edges { cursor } } }", {}, 1 + 7),
        ("{ reviews(first: 7) { totalCount pageInfo { endCursor } } }", {}, 1 + 5 + 1),
        ("query($n: Int) { reviews(first: $n) { nodes { id } } }", {"n": 50}, 1 + 50),
        ("query($n: Int) { reviews(first: $n) { nodes { id } } }", {}, 1 + 10),
        ("query($n: Int = 99) { reviews(first: $n) { nodes { id } } }", {}, 1 + 99),
        ("query($n: Int = 99) { reviews(first: $n) { nodes { id } } }", {"n": 3}, 1 + 3),
        (
            "{ reviews(first: 5) { nodes { service { reviews(first: 5) { nodes { id } } } } } }",
            {},
            1 + 5 * (1 + 1 + 1 + 5),
        ),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": []}, 1 + 1),
        (
            "fragment R on ReviewConnection { nodes { id author { displayName } } } { reviews { ...R } }",
            {},
            1 + 10 * 2,
        ),
    ],
)
async def test_the_cost_is_the_number_of_objects_and_stands_in_the_answer(
    post, query, variables, cost
):
    answer = (await post({"query": query, "variables": variables})).json()

    assert answer["extensions"]["cost"] == {"requested": cost, "max": 1000}


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        (
            "{ reviews(first: 100) { nodes { service { reviews(first: 100) { nodes { id } } } } } }",
            {},
        ),
        (
            "query($n: Int = 100) { reviews(first: $n) { nodes { service { reviews(first: $n) { nodes { id } } } } } }",
            {},
        ),
        ("query($n: Int) { reviews(first: $n) { nodes { id } } }", {"n": 2_000_000_000}),
        ("query($n: Int) { reviews(first: $n) { nodes { id } } }", {"n": 1e30}),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x"] * 1001}),
        (
            "query($r: [NodeRef!]) { ratingSummaries(services: $r) { count } }",
            {"r": [{"externalId": "x"}] * 1001},
        ),
    ],
)
async def test_an_operation_that_costs_too_much_is_refused_with_the_figures(code, query, variables):
    found, error = await code(query, variables)

    assert found == "QUERY_TOO_EXPENSIVE"
    assert error["extensions"]["cost"] > error["extensions"]["max"] == 1000


async def test_callers_with_a_credential_may_spend_more(maria, nobody):
    query = "{ reviews(first: 100) { nodes { service { reviews(first: 10) { nodes { id } } } } } }"

    assert await nobody.refused(query) == ["QUERY_TOO_EXPENSIVE"]
    assert (await maria.send(query)).json()["extensions"]["cost"] == {
        "requested": 1301,
        "max": 5000,
    }


async def test_the_maxima_are_settings(another):
    query = {"query": "{ reviews { nodes { id } } }"}
    async with another(max_cost_anonymous=10) as client:
        answer = (await client.post("/graphql", json=query)).json()

    assert answer["errors"][0]["extensions"] == {
        "code": "QUERY_TOO_EXPENSIVE",
        "cost": 11,
        "max": 10,
    }


async def test_introspection_can_be_switched_off(another):
    async with another(introspection=False) as client:
        asked = await client.post("/graphql", json={"query": "{ __schema { description } }"})
        plain = await client.post("/graphql", json={"query": "{ __typename }"})

    assert asked.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert plain.json()["data"] == {"__typename": "Query"}


async def test_names_that_nearly_exist_are_not_suggested(code):
    _, error = await code("{ revews { totalCount } }")

    assert error["message"] == "Cannot query field 'revews' on type 'Query'."


def test_a_document_is_parsed_once_and_the_popular_ones_stay():
    documents = Documents(schema, introspection=True)
    popular = "{ viewer { role } }"
    documents.get(popular)
    kept = documents.get(popular)

    for number in range(1_200):
        documents.get(f"{{ a{number}: __typename }}")

    assert documents.get(popular) is kept


def test_the_text_in_the_cache_is_bounded():
    documents = Documents(schema, introspection=True)
    for number in range(60):
        text = f"{{ a{number}: __typename }} #{'x' * 19_000}"
        documents.get(text)
        documents.get(text)
    huge = "{ __typename } #" + "x" * 30_000
    documents.get(huge)
    documents.get(huge)

    assert documents._protected._text <= 1_000_000
    assert documents._protected.get(huge) is None
    assert sum(map(len, documents._protected._entries)) == documents._protected._text
