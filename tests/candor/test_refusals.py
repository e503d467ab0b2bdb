"""Every refusal costs points, and new texts are parsed one at a time per address."""

import asyncio
import json
import time
from contextlib import suppress

import httpx
import pytest

from candor.callers import budgets
from candor.callers.budgets import Budgets
from candor.engine import admission
from candor.engine.document_reading import DocumentParser, parsing_cost
from candor.engine.documents import Documents
from candor.errors import RequestError
from schema.api import schema


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(budgets, "REFUSAL_DELAY", 0)
    monkeypatch.setattr(admission, "REFUSAL_DELAY", 0)


@pytest.fixture
def parsed(monkeypatch):
    """The texts that were parsed."""
    texts, parse = [], Documents._parse

    def counted(self, text):
        texts.append(text)
        return parse(self, text)

    monkeypatch.setattr(Documents, "_parse", counted)
    return texts


UNKNOWN = "{" + " ".join(f"a{number}" for number in range(490)) + "}"
GOOD = "{ reviews { nodes { id } } }"
VARIABLES = "query($n: Int!) { reviews(first: $n) { nodes { id } } }"
EVENTS = {"Accept": "text/event-stream"}
# Bodies that are refused, by reason, with the points that each costs: at first, and when its text
# is in the cache.
REFUSED = {
    "unknown fields": ({"query": UNKNOWN}, 492 + 23),
    "syntax": ({"query": "{ a b c d e f g h i j k l"}, 13),
    "one wrong letter": ({"query": "{ revews }"}, 10),
    "too many fields": ({"query": "{" + " viewer { role }" * 300 + "}"}, 1202 + 48),
    "too deep": ({"query": "{ a" + "{ a" * 150 + "}" * 151}, 453 + 6),
    "too many tokens": ({"query": "{" + " __typename" * 2001 + "}"}, 1819 + 220),
    "a long comment": ({"query": "{ nope } #" + "x" * 150_000}, 5 + 1500 + 150),
    "no operation": ({"query": "query A { __typename } query B { __typename }"}, 10),
    "no such operation": ({"query": "{ __typename }", "operationName": "X"}, 10),
    "too expensive": ({"query": VARIABLES, "variables": {"n": 5_000}}, 10),
    "wrong variables": ({"query": VARIABLES, "variables": {"n": "x"}}, 11 + 10),
    "no variables": ({"query": VARIABLES}, 11 + 10),
    "an unknown hash": ({"documentId": "sha256:00"}, 10),
    "a batch": ([{"query": "{ __typename }"}], 10),
    "bad JSON": (b"{", 10),
    "large bad JSON": (b'{"query": ' + b" " * 100_000, 10 + 100),
    "deep JSON": (b"[" * 900 + b"]" * 900, 10),
    "wide JSON": (b'{"query": "{ a }", "variables": {"a": [' + b"[]," * 9_000 + b"0]}}", 10 + 27),
    "a large body": (b" " * 200_001, 10),
}


async def _post(client, body, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await client.post(
        "/graphql", content=content, headers={"Content-Type": "application/json"} | headers
    )


@pytest.mark.parametrize("what", list(REFUSED))
async def test_every_refusal_costs_points_until_there_are_none(another, what):
    body, price = REFUSED[what]
    async with another(rate_limits=True, budget=10_000) as client:
        spent, spend = [], Budgets.spend

        async def seen(self, caller, *, cost, guesses):
            await spend(self, caller, cost=cost, guesses=guesses)
            spent.append(cost)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Budgets, "spend", seen)
            codes = []
            while "RATE_LIMITED" not in codes and len(codes) < 1_100:
                spent.clear()
                answer = await _post(client, body)
                codes.append(answer.json()["errors"][0]["extensions"]["code"])
                if "RATE_LIMITED" not in codes and len(codes) > 1:
                    assert sum(spent) == price, spent

    assert codes[-1] == "RATE_LIMITED"
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("mode", ["prefer", "only"])
async def test_documents_that_are_not_trusted_cost_points(another, tmp_path, mode):
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"x": GOOD}))
    settings = {"trusted_documents": mode, "trusted_manifest": manifest}
    async with another(rate_limits=True, budget=35, **settings) as client:
        body = {"documentId": "nope"} if mode == "prefer" else {"query": "{ __typename }"}
        statuses = [(await _post(client, body)).status_code for _ in range(4)]

    assert statuses[-1] == 429
    assert 429 not in statuses[:-1]


async def test_refusals_of_other_kinds_cost_points(another, socket, app):
    async with another(rate_limits=True, budget=40) as client:
        found = [
            (await _post(client, {"query": GOOD}, Accept="text/html")).status_code,
            (await _post(client, {"query": GOOD}, **{"Content-Type": "text/plain"})).status_code,
            (await client.put("/graphql", json={})).status_code,
            (await client.get("/graphql", headers={"Sec-Fetch-Site": "cross-site"})).status_code,
            (await _post(client, {"query": GOOD})).status_code,
        ]

    assert found == [406, 415, 405, 403, 429]


async def test_refusals_of_streams_cost_points(another):
    async with another(rate_limits=True, budget=1_100) as client:
        told = [
            (await _post(client, {"query": UNKNOWN}, **EVENTS)).text.count("RATE_LIMITED")
            for _ in range(3)
        ]

    assert told == [0, 0, 1]


async def test_refusals_on_a_socket_cost_points(another, socket):
    async with another(rate_limits=True, budget=1_100) as client:
        connection = await socket(to=client._transport.app)
        codes = []
        for number in range(3):
            payload = {"query": UNKNOWN}
            await connection.say({"id": str(number), "type": "subscribe", "payload": payload})
            codes.append((await connection.hear())["payload"][0]["extensions"]["code"])
        await connection.close()

    assert codes == ["GRAPHQL_VALIDATION_FAILED", "GRAPHQL_VALIDATION_FAILED", "RATE_LIMITED"]


async def test_a_socket_that_is_closed_for_an_error_costs_points(another, socket):
    async with another(rate_limits=True, budget=30) as client:
        for message in ("no JSON", {"type": "nonsense"}, {"type": "subscribe", "id": "1"}):
            connection = await socket(to=client._transport.app)
            await connection.say(message)
            assert (await connection.hear())[0] == 4400
        refused = await _post(client, {"query": GOOD})

    assert refused.status_code == 429


async def test_a_long_message_is_paid_for_before_it_is_read(another, socket):
    long = {"id": "1", "type": "subscribe", "payload": {"query": "#" + "x" * 40_000}}
    async with another(rate_limits=True, budget=30) as client:
        connection = await socket(to=client._transport.app)
        await connection.say(long)
        code, reason = await connection.hear()

    assert code == 4403
    assert reason.startswith("RATE_LIMITED")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"query": "{ a }", "variables": {"a": [' + b"[]," * 10_000 + b"0]}}", "BAD_REQUEST"),
        (b'{"query": "{ a }", "variables": {"a": "' + b"[" * 20_000 + b'"}}', "GRAPHQL_VALIDATION_FAILED"),
        (b'{"query": "' + b'\\"[' * 20_000, "BAD_REQUEST"),
    ],
)  # fmt: skip
async def test_json_of_very_many_lists_is_not_read(another, body, code):
    async with another() as client:
        began = time.process_time()
        answer = await _post(client, body)

    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert time.process_time() - began < 0.5


async def test_a_text_that_cannot_be_paid_for_is_not_parsed(another, parsed):
    async with another(rate_limits=True, budget=600) as client:
        for number in range(5):
            await _post(client, {"query": UNKNOWN.replace("a0", f"b{number}")})

    assert len(parsed) == 1


async def test_a_refused_text_is_parsed_once_and_paid_for_each_time(another, parsed):
    async with another(rate_limits=True, budget=1_200) as client:
        answers = [await _post(client, {"query": UNKNOWN}) for _ in range(3)]

    assert len(parsed) == 1
    assert answers[0].json()["errors"] == answers[1].json()["errors"]
    assert answers[2].status_code == 429


async def test_an_accepted_text_costs_its_operation_and_a_cached_one_the_same(another):
    async with another(rate_limits=True, budget=11 * 20) as client:
        statuses = [(await _post(client, {"query": GOOD})).status_code for _ in range(21)]

    assert statuses == [200] * 20 + [429]


async def test_others_are_served_while_the_budget_of_an_address_is_spent(another):
    async with another(rate_limits=True, budget=520) as client:
        answers = [await _post(client, {"query": UNKNOWN}) for _ in range(2)]
        app = client._transport.app
        transport = httpx.ASGITransport(app=app, client=("192.0.2.8", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://candor.test") as other:
            served = await _post(other, {"query": GOOD})

    assert [answer.status_code for answer in answers] == [200, 429]
    assert served.json()["data"] == {"reviews": {"nodes": []}}


async def test_without_budgets_nothing_is_limited(another):
    async with another() as client:
        statuses = {(await _post(client, {"query": "{ nope }"})).status_code for _ in range(50)}

    assert statuses == {200}


def test_the_cache_of_refusals_is_bounded():
    documents = Documents(schema, introspection=True)
    for number in range(700):
        with pytest.raises(RequestError):
            documents.get(f"{{ a{number} }} #{'x' * 500}")

    assert len(documents._refused._entries) <= 500
    assert documents._refused._text <= 250_000


async def test_new_texts_of_one_address_are_parsed_one_at_a_time_and_others_do_not_wait():
    parser = DocumentParser(Documents(schema, introspection=True))
    done = []

    async def read(text, address):
        with suppress(RequestError):
            await parser.parse(text, address)
        done.append(address)

    crowd = [
        asyncio.ensure_future(read(UNKNOWN.replace("a0", f"b{n}"), "192.0.2.7")) for n in range(16)
    ]
    while "192.0.2.7" not in done:
        await asyncio.sleep(0)
    began = time.perf_counter()
    await read(GOOD, "192.0.2.8")
    waited, before = time.perf_counter() - began, done.index("192.0.2.8")
    for each in crowd:
        each.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)

    assert before <= 3
    assert waited < 0.25


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("{ __typename }", 10),
        (UNKNOWN, 492 + 23),
        ("{" + " a" * 3_000 + "}", 2_000 + 60),
        ("#" + "x" * 100_000, 2 + 1_000),
        ("\n" * 100_000, 1_000),
    ],
)
def test_a_text_costs_its_tokens_and_its_length(text, price):
    assert parsing_cost(text) == price
