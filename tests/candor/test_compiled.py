"""Compiled execution of the real schema over a small marketplace equals the stock executor.

CANDOR_TEST_FUZZ=50000 compares this many answers to random operations, instead of some hundred
fixed operations with eight answers each.
"""

from pathlib import Path
from typing import Any

import pytest
from graphql import OperationType, parse, print_ast, validate
from hypothesis import HealthCheck, Phase, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from candor.engine.documents import MAX_TEXT
from candor.engine.fast.executor import CompiledExecutor
from resolvers.viewer import ANONYMOUS
from schema.api import schema
from tests.candor.random_documents import documents, reshaped
from tests.candor.sameness import (
    ANSWERS,
    COMPILED,
    FUZZ,
    GUESTS,
    STOCK,
    VIEWERS,
    answer_of,
    compare,
    everybody,
    operation_of,
    viewer_of,
)

EXAMPLES = Path(__file__).parents[2] / "candor/http/ide/examples"


@examples(
    max_examples=(FUZZ or 1520) // ANSWERS,
    derandomize=not FUZZ,
    database=None,
    deadline=None,
    # The remaining check reports when too many documents are invalid.
    suppress_health_check=set(HealthCheck) - {HealthCheck.filter_too_much},
    phases=[Phase.generate],  # reading a failing example is faster than shrinking it
)
@given(
    document=documents(schema._schema),
    seed=st.integers(0, 2**32),
    viewers=st.permutations([*VIEWERS, *GUESTS]),
)
async def test_operations_at_random_are_answered_alike(world, document, seed, viewers):
    assume(len(document) < MAX_TEXT // 4)
    asked = reshaped(schema._schema, document, world, seed)
    # Sometimes a field is selected twice with subselections that cannot be merged.
    assume(validate(schema._schema, parse(asked.text)) == [])

    await compare(asked.text, asked.variables, [viewer_of(name, world) for name in viewers[:4]])


async def test_every_example_is_answered_alike_to_everybody(world):
    (reply, *_), (review, *_) = world.ids["Note"], world.ids["Review"]
    # Decisions that change nothing, so that they can be repeated.
    variables = {
        "Reply": {"input": {"reviewId": reply, "body": "Thank you!"}},
        "Decide": {"decisions": [{"reviewId": review, "status": "APPROVED"}]},
    }
    for path in sorted(EXAMPLES.glob("*.graphql")):
        for node in parse(path.read_text()).definitions:
            if node.operation is not OperationType.SUBSCRIPTION:
                values = variables.get(node.name.value, {})
                await compare(print_ast(node), [values], everybody(world))


CARD = "externalId title ratingSummary { count average breakdown { stars count } }"
BY_HAND = {
    "a page of a page": f"""{{ services(first: 5) {{ totalCount nodes {{ {CARD}
        reviews(first: 2, orderBy: MOST_HELPFUL) {{ totalCount nodes {{ body reply {{ body }} }} }} }} }} }}""",
    "edges twice": """{ reviews { edges { node { id } } edges { cursor } nodes { body } edges { node { rating } } } }""",
    "an argument that differs by name": """{ service(ref: { externalId: "LOGO" }) {
        a: reviews(first: 1) { nodes { id } } b: reviews(last: 1) { nodes { id } } } }""",
    "an error in each of several pages": """{ services { nodes { title reviews(first: 101) { totalCount } } } }""",
    "things of any type": """query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Review { body author { displayName } }
        ... on Order { externalId } ... on OrderUpdate { title notes { nodes { body } } } } }""",
    "one fragment in two types": """{ service(ref: { externalId: "LOGO" }) { ...F vendor { ...F } } } fragment F on Node { id }""",
    "far down": """{ service(ref: { externalId: "LOGO" }) { vendor { services { nodes { vendor { services(first: 1) {
        nodes { reviews(first: 1) { nodes { service { title } order { externalId } } } } } } } } } } }""",
    "pages by number": """query($page: Int, $first: Int = 2) { reviews(first: $first, page: $page) {
        nodes { id status moderation { reason note } revisions { rating subRatings { quality } } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }""",
    "a null for what has a default": """query($order: ReviewOrder = OLDEST, $filter: ReviewFilter) {
        review(id: "no id") { id } reviews(orderBy: $order, filter: $filter) { totalCount } }""",
    "one of two, by a variable": """query($key: String!) { order(ref: { externalId: $key }) { id status } }""",
    "conditions": """query($yes: Boolean!) { reviews(first: 1) { totalCount @include(if: $yes) nodes { ...F @skip(if: $yes) id } } }
        fragment F on Review { body @include(if: true) }""",
    "what is hidden": "{ settings { siteName adminEmail } viewer { role notifications { totalCount } } }",
    "refused at the root": "{ reviewPolicy { __typename } trackingLog { totalCount } services { totalCount } }",
    "introspection": '{ __schema { queryType { name } } __type(name: "Review") { kind } __typename }',
}  # fmt: skip


@pytest.mark.parametrize("name", BY_HAND)
async def test_an_operation_by_hand_is_answered_alike_to_everybody(name, world):
    known = [id for some in world.ids.values() for id in some[:2] if id != "no id"]
    variables = {
        "things of any type": [{"ids": known}, {"ids": []}, {"ids": ["no id"]}],
        "pages by number": [{"page": 1}, {"page": 2, "first": 1}, {"page": 0}, {"first": None}],
        "a null for what has a default": [
            {},
            {"order": None},
            {"order": "NEWEST", "filter": {"rating": 4, "hasReply": True}},
            {"filter": {"service": {"id": None}}},
        ],
        "one of two, by a variable": [{"key": "ORDER-1"}, {"key": "ORDER-5"}, {}],
        "conditions": [{"yes": True}, {"yes": False}, {}],
    }.get(name, [{}])

    await compare(BY_HAND[name], variables, everybody(world))


PLANNED = [
    f"""{{ service(ref: {{ externalId: "LOGO" }}) {{ {CARD} standing reviews(first: 10) {{ totalCount
        edges {{ cursor node {{ id rating body createdAt author {{ displayName }} reply {{ body }} }} }}
        pageInfo {{ hasNextPage }} }} }} }}""",
    '{ ratingSummaries(services: [{ externalId: "LOGO" }]) { count average } viewer { role } }',
    "{ reviews { nodes { status editedAt service { title vendor { level } } } } }",
    """{ services { totalCount nodes { title reviews(first: 2) { totalCount nodes { id } } }
        edges { cursor node { standing vendor { services { nodes { title } } } reviews { nodes { body } } } }
        } }""",
]  # fmt: skip


@pytest.mark.parametrize("text", PLANNED)
async def test_hot_operations_never_need_graphql_core(text, world, monkeypatch):
    """Otherwise these tests would compare the stock executor with itself."""
    monkeypatch.setattr(CompiledExecutor, "complete_value", None)

    answer = await answer_of(COMPILED, operation_of(text), {}, ANONYMOUS)

    assert answer.endswith("} []")


@pytest.mark.parametrize("execution", [STOCK, COMPILED])
async def test_a_wrong_argument_is_reported_at_its_field_and_only_if_that_is_selected(
    world, execution
):
    text = """query($order: ReviewOrder = NEWEST, $no: Boolean!) { service(ref: { externalId: "LOGO" }) {
        title ... @skip(if: $no) { reviews(orderBy: $order) { totalCount } } } }"""
    asked = {"order": None, "no": True}

    left_out = await answer_of(execution, operation_of(text), asked, ANONYMOUS)
    refused = await answer_of(execution, operation_of(text), asked | {"no": False}, ANONYMOUS)

    assert left_out == '{"service":{"title":"A logo"}} []'
    assert refused.startswith('{"service":null}')
    assert "'reviews" in refused


POSTS = [
    ("ada", "{ reviews { nodes { id body createdAt order { externalId } } } }"),
    ("maria", "{ viewer { role notifications { nodes { kind createdAt } } } reviews { totalCount } }"),
    ("maria", "{ services { nodes { title ...F } } } fragment F on Service { reviews(first: 999) { totalCount } }"),
    ("nina", "query($n: Int!) { reviews(first: $n) { totalCount } }"),
    ("ada", "mutation { updateSettings(input: { reviewModeration: true }) { settings { siteName } errors { code } } }"),
    ("maria", 'mutation { createReview(input: { order: { externalId: "ORDER-1" }, rating: 5, body: "Once more, please!" }) { review { id } errors { code field message } } }'),
    ("maria", "mutation { markNotificationsRead(input: { all: true }) { viewer { unreadNotificationCount } } }"),
    ("sam", "{ orderUpdates { edges { cursor node { title notes { nodes { body } } } } } }"),
]  # fmt: skip


async def test_the_bytes_are_the_same_with_compiling_on_and_off(world, client, another, request):
    async def answers(via: Any) -> list[bytes]:
        found = []
        for name, query in POSTS:
            headers = {"Authorization": f"Bearer {request.getfixturevalue(name).token}"}
            answer = await via.post("/graphql", json={"query": query}, headers=headers)
            found.append(answer.content)
        return found

    await answers(client)
    compiled = await answers(client)
    async with another(compiled=False) as stock:
        assert await answers(stock) == compiled
