"""Repeated values are paid for, and no answer is longer than the limit."""

import json

import pytest
from graphql import parse

from candor.engine.documents import document_of
from candor.http.graphiql import _tabs
from schema.api import schema

MOST = 50_000
LONG = "Long. " * 1_000
EVENTS = {"Accept": "text/event-stream"}
STRAIGHT = (
    '{ service(ref: {externalId: "LOGO"}) { reviews { nodes { body author { displayName } } } } }'
)
COMPILED = "{ reviews { nodes { body author { displayName } } } }"
STOCK = "query($yes: Boolean! = true) { reviews @include(if: $yes) { nodes { body } } }"
NAMES = [f"a{number}: body" for number in range(29)]
WAYS = {"straight": STRAIGHT, "compiled": COMPILED, "stock": STOCK}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    return request.getfixturevalue(f"{request.param}_database")


def cost(text: str, variables=None) -> int:
    (operation,) = document_of(schema._schema, parse(text)).operations
    return operation.cost(variables)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("{ reviews(first: 100) { nodes { body } } }", 1 + 100),
        ("{ reviews(first: 100) { nodes { body body ...F ...F } } } fragment F on Review { body }", 101),
        ("{ reviews(first: 100) { nodes { a: body body } } }", 1 + 200),
        ("{ reviews(first: 100) { nodes { a: body ...F } } } fragment F on Review { b: body }", 201),
        ("{ reviews(first: 7) { edges { a: cursor b: cursor node { id } } } }", 1 + 7 * 2),
        ("{ node(id: 1) { ... on Review { body } ... on Note { body } } }", 1),
    ],
)  # fmt: skip
def test_a_value_selected_again_costs_as_much_as_an_object(text, points):
    assert cost(text) == points


def test_thirty_aliases_for_a_text_are_too_expensive():
    assert cost(f"{{ reviews(first: 100) {{ nodes {{ {' '.join(NAMES)} }} }} }}") == 1 + 100 * 29


def test_the_tabs_of_graphiql_are_not_too_expensive():
    for tab in json.loads(_tabs()):
        for operation in document_of(schema._schema, parse(tab["query"])).operations:
            assert operation.cost({}) <= 1_000


@pytest.fixture
async def long_reviews(review):
    """Ten reviews of 6,000 characters: one fits into an answer, all do not."""
    for number in range(10):
        await review(f"ORDER-{number}", body=LONG.strip())


@pytest.mark.parametrize("way", list(WAYS))
@pytest.mark.parametrize("compiled", [True, False])
async def test_nothing_of_an_answer_that_is_too_long_is_sent(long_reviews, another, way, compiled):
    async with another(max_answer=MOST, compiled=compiled) as client:
        refused = await client.post("/graphql", json={"query": WAYS[way]})
        first = (
            WAYS[way]
            .replace("reviews {", "reviews(first: 5) {")
            .replace("reviews @", "reviews(first: 5) @")
        )
        answered = await client.post("/graphql", json={"query": first})

    (error,) = refused.json()["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", "maxBytes": MOST}
    assert "data" not in refused.json()
    assert len(refused.content) < 500
    assert "errors" not in answered.json()
    assert answered.text.count(LONG.strip()) == 5


async def test_bytes_are_counted_and_not_characters(review, another):
    await review(body="❤" * 10_000)
    async with another(max_answer=MOST) as client:
        names = "a: body b: body"
        two = await client.post("/graphql", json={"query": COMPILED.replace("body", names)})
        one = await client.post("/graphql", json={"query": COMPILED})

    assert two.json()["errors"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    assert len(one.content) < MOST
    assert "errors" not in one.json()


@pytest.mark.parametrize("way", list(WAYS))
async def test_it_holds_for_server_sent_events(long_reviews, another, way):
    async with another(max_answer=MOST) as client:
        told = await client.post("/graphql", json={"query": WAYS[way]}, headers=EVENTS)

    assert "QUERY_TOO_EXPENSIVE" in told.text
    assert "Long." not in told.text


async def test_it_holds_on_a_socket_and_for_events(feed, maria, another, socket):
    query = f"subscription {{ reviewPublished {{ body {' '.join(NAMES)} }} }}"
    async with another(max_answer=MOST) as client:
        connection = await socket(to=client._transport.app)
        await connection.say({"id": "1", "type": "subscribe", "payload": {"query": query}})
        await connection.say({"id": "2", "type": "subscribe", "payload": {"query": "{ nope }"}})
        await connection.hear()  # so the first is running
        await feed()
        await maria.do("createReview", order={"externalId": "ORDER-1"}, rating=5, body=LONG)
        told = await connection.hear()
        await connection.close()

    assert (told["id"], told["type"]) == ("1", "error")
    assert told["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"


async def test_it_holds_for_queries_on_a_socket(long_reviews, another, socket):
    async with another(max_answer=MOST) as client:
        connection = await socket(to=client._transport.app)
        for number, query in enumerate(WAYS.values()):
            await connection.say(
                {"id": f"{number}", "type": "subscribe", "payload": {"query": query}}
            )
            told = await connection.hear()
            assert told["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
        await connection.close()


@pytest.mark.parametrize("compiled", [True, False])
async def test_a_mutation_whose_answer_is_too_long_says_that_it_has_happened(
    feed, maria, another, stored, compiled
):
    await feed()
    query = (
        "mutation($input: CreateReviewInput!) {"
        f" createReview(input: $input) {{ review {{ {' '.join(NAMES)} }} }} }}"
    )
    given = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": LONG}
    async with another(max_answer=MOST, compiled=compiled) as client:
        sender = type(maria)(client, maria.token)
        answer = (await sender.send(query, {"input": given})).json()
        (review,) = (await stored())["review"]

    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "QUERY_TOO_EXPENSIVE", "maxBytes": MOST}
    assert error["message"].startswith("The mutation was carried out")
    assert review["body"] == LONG.strip()


async def test_concurrent_answers_are_counted_separately(long_reviews, another):
    """Each answer is counted on its own, however many run at once."""
    async with another(max_answer=MOST) as client:
        for text in (STRAIGHT, COMPILED):
            query = {"query": text.replace("reviews {", "reviews(first: 5) {")}
            for _ in range(10):
                assert "errors" not in (await client.post("/graphql", json=query)).json()
