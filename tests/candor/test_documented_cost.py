"""docs/cost.md agrees with the code."""

import re
from pathlib import Path

import pytest
from graphql import get_named_type, is_object_type, parse

from candor.callers import budgets
from candor.engine import cost, document_reading
from candor.engine.complexity import MAX_TOKENS, MAXIMA
from candor.engine.documents import document_of
from candor.errors import REFUSAL_COST
from candor.http import graphql_over_http
from candor.pages import routes
from candor.settings import Settings
from resolvers.keyset import DEFAULT_SIZE
from resolvers.review_lookup import DEFAULT_TAIL
from schema.api import schema
from schema.references import guesses_orders

TEXT = (Path(__file__).parents[2] / "docs" / "cost.md").read_text()
EXAMPLES = re.findall(
    r"^```graphql\n(.*?)^```\n\n\*\*(\d+) points\*\*", TEXT, re.DOTALL | re.MULTILINE
)
ROWS = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", TEXT, re.MULTILINE))
PLAIN = " ".join(TEXT.split())


@pytest.fixture
def database(sqlite_database) -> str:
    """Costs are the same on each database."""
    return sqlite_database


def cost_of(text, **variables):
    return document_of(schema._schema, parse(text)).operations[0].cost(variables)


def test_every_operation_of_the_document_is_an_example_with_its_cost():
    assert len(EXAMPLES) == TEXT.count("```graphql") == 5


@pytest.mark.parametrize(("text", "points"), EXAMPLES)
async def test_an_example_costs_what_the_document_says(client, text, points):
    answer = (await client.post("/graphql", json={"query": text})).json()

    assert answer["extensions"]["cost"]["requested"] == int(points)


def test_what_the_examples_say_beside_their_cost():
    page, size = EXAMPLES[0][0], EXAMPLES[2][0]

    assert f"is {cost_of(size, size=100)}." in PLAIN
    assert f"is paid with {document_reading.parsing_cost(page)} points" in PLAIN
    assert f"and with {cost_of(page)} from then on" in PLAIN


def test_the_points_of_the_rules_are_those_of_the_code():
    points = {
        "`totalCount` of a page": cost.COUNT,
        "`search` in a page's filter": cost.SEARCH,
        f"a numbered `page`, for each {cost.SKIPPED_PER_POINT} rows before it": 1,
        "each field of a mutation": cost.MUTATION,
        "`__schema`": cost._INTROSPECTION["__schema"],
        "`__type`": cost._INTROSPECTION["__type"],
        "a refusal": REFUSAL_COST,
        "opening the page of a mail's link": routes._COST,
        "a body or a message of more than 25,000 bytes, for each 1,000": 1,
    }

    assert {name: ROWS[name] for name in points} == {n: str(p) for n, p in points.items()}
    assert (graphql_over_http.FREE_BYTES, graphql_over_http.BYTES_PER_POINT) == (25_000, 1_000)
    assert f"`first` rows ({DEFAULT_SIZE} unless" in TEXT
    assert f"`last` rows ({DEFAULT_TAIL} unless" in TEXT
    assert f"1 for each {document_reading._CHARACTERS_PER_POINT} characters" in TEXT


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ viewer { role } }", 1),
        ('{ review(id: "X") { revisions { body } } }', 22),
        ('{ review(id: "X") { revisions(last: 3) { body } } }', 5),
        ("{ __schema { types { name } } }", 100),
        ('{ __type(name: "Review") { name } }', 10),
        ("{ viewer @skip(if: true) { role } }", 1),
        ("{ ...a ...a } fragment a on Query { viewer { role } }", 2),
        ("{ __typename }", 0),
        ("subscription { reviewPublished { rating author { displayName } } }", 2),
    ],
)
def test_the_rules_without_an_example_hold_too(text, points):
    assert cost_of(text) == points


@pytest.mark.parametrize(
    ("given", "variables", "points"),
    [
        ("", {}, 11),
        ('(filter: { search: "good" })', {}, 31),
        ('(filter: { search: "" })', {}, 11),
        ("(filter: { rating: 5 })", {}, 11),
        ("(filter: $f)", {"f": {"search": "good"}}, 31),
        ("(filter: $f)", {"f": {"rating": 5}}, 11),
        ("(filter: $f)", {"f": None}, 11),
        ("(filter: { search: $s })", {"s": "good"}, 31),
        ("(filter: { search: $s })", {}, 11),
        ("(page: 1)", {}, 11),
        ("(page: 11)", {}, 12),
        ("(page: 1001)", {}, 111),
        ("(first: 100, page: $p)", {"p": 101}, 201),
        ("(page: $p)", {"p": -5}, 11),
    ],
)
def test_a_page_costs_what_is_searched_and_skipped_for_it(given, variables, points):
    text = f"query($f: ReviewFilter, $s: String, $p: Int) {{ reviews{given} {{ nodes {{ id }} }} }}"

    assert cost_of(text, **variables) == points


def test_only_pages_multiply_a_cost():
    """A field with `first` opens a page, `totalCount` counts it, `last` alone cuts a list."""
    objects = [type_ for type_ in schema._schema.type_map.values() if is_object_type(type_)]
    connections = {type_.name for type_ in objects if "pageInfo" in type_.fields}
    fields = [(f"{type_.name}.{name}", field) for type_ in objects for name, field in type_.fields.items()]  # fmt: skip
    paged = {where for where, field in fields if "first" in field.args}

    assert connections
    assert paged == {where for where, field in fields if get_named_type(field.type).name in connections}  # fmt: skip
    assert {where for where, _ in fields if where.endswith(".totalCount")} == {f"{name}.totalCount" for name in connections}  # fmt: skip
    tails = {where for where, field in fields if "last" in field.args} - paged
    assert tails == {"Review.revisions"}
    assert all("[" in str(field.type) for where, field in fields if where in tails)


def test_rows_of_input_cost_by_their_number():
    text = """mutation ($orders: [OrderInput!]!) { upsertOrders(input: {orders: $orders}) {
        results { outcome errors { code } } } }"""

    assert cost_of(text, orders=[{}] * 500) == 10 + 1 + 500 * 2


def test_the_budgets_are_those_of_the_code():
    settings = Settings()

    assert f"`CANDOR_BUDGET` ({settings.budget:,})" in TEXT
    assert f"({settings.max_cost_anonymous:,}) without a token" in PLAIN
    assert f"`CANDOR_MAX_COST` ({settings.max_cost:,})" in PLAIN
    assert f"`CANDOR_MAX_ANSWER` bytes ({settings.max_answer:,})" in PLAIN
    assert ROWS["a customer, a vendor, somebody of the team"] == (
        f"{budgets._MULTIPLIER_OF_PEOPLE} times as many"
    )
    assert ROWS["an API key"] == f"{budgets._MULTIPLIERS[budgets.Role.INTEGRATION]} times as many"
    assert budgets._MULTIPLIERS[budgets.Role.GUEST] == 1
    assert f"{budgets.GUESSES} guesses a minute" in PLAIN
    guesses = [
        name
        for root in (schema._schema.query_type, schema._schema.mutation_type)
        for name, field in root.fields.items()
        if guesses_orders(field.extensions["strawberry-definition"])
    ]
    assert guesses
    assert f"each {', '.join(f'`{name}`' for name in guesses[:-1])} and `{guesses[-1]}`" in PLAIN


def test_the_limits_of_documents_are_those_of_the_code():
    table = TEXT.partition("| limit | max |\n|---|---|\n")[2].partition("\n\n")[0]
    named = dict(re.findall(r"\| `(\w+)` \| ([\d,]+) \|", table))

    assert named == {name: f"{most:,}" for name, most in {"tokens": MAX_TOKENS, **MAXIMA}.items()}
