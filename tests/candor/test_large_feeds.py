"""The documented maximum of orders, with their longest values, in one request."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from candor.callers.body_limits import MAX_BODY, MAX_FEED, MAX_TEAM, MAX_TEXT
from models import Order
from resolvers.order_feed import MAX_ORDERS
from tests.candor.real_server import RealServer, start

QUERY = """mutation($input: UpsertOrdersInput!) { upsertOrders(input: $input) {
    errors { code message } results { outcome errors { code } warnings { code field message } } } }"""
# A letter that takes twelve bytes when escaped in JSON.
WIDE = "\U00010437"


def _wide(length: int, name: str) -> str:
    return name + WIDE * (length - len(name))


def _person(name: str) -> dict[str, str]:
    return {
        "externalId": _wide(200, name),
        "displayName": _wide(200, name),
        "email": f"{name.lower():a<64}@{'.'.join(['a' * 61] * 3)}.de",
        "locale": "zh-Hans-CN-u-ca-chinese",
    }


def _order(number: int) -> dict[str, object]:
    now = datetime.now(UTC)
    return {
        "externalId": _wide(200, f"ORDER-{number}-"),
        "status": "IN_PROGRESS",
        "completedAt": (now - timedelta(days=1)).isoformat(),
        "updatedAt": now.isoformat(),
        "remindersAllowed": False,
        "handOver": False,
        "customer": _person(f"C{number}"),
        "vendor": _person(f"V{number}"),
        "service": {
            "externalId": _wide(200, f"S{number}"),
            "title": _wide(300, f"S{number}"),
            "url": _wide(2000, "https://shop.example/"),
        },
    }


def _body(count: int, **json_as: bool) -> bytes:
    orders = [_order(number) for number in range(count)]
    request = {"query": QUERY, "variables": {"input": {"orders": orders}}}
    return json.dumps(request, **json_as).encode()


async def _send(client, body: bytes, token: str | None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return await client.post("/graphql", content=body, headers=headers, timeout=120)


@pytest.mark.parametrize("escaped", [False, True])
async def test_the_documented_number_of_orders_fits_with_their_longest_values(
    client, shop, escaped
):
    body = _body(MAX_ORDERS, ensure_ascii=escaped)

    payload = (await _send(client, body, shop.token)).json()["data"]["upsertOrders"]

    assert MAX_BODY < len(body) <= MAX_FEED
    assert payload["errors"] == []
    assert payload["results"] == [{"outcome": "CREATED", "errors": [], "warnings": []}] * MAX_ORDERS


async def test_a_larger_body_is_refused(client, shop):
    answer = await _send(client, b" " * (MAX_FEED + 1), shop.token)

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"] == {"code": "BODY_TOO_LARGE", "max": MAX_FEED}


async def test_the_limit_on_the_text_of_the_operation_is_as_for_everybody(client, shop):
    body = json.dumps({"query": "{ viewer { role } } #" + "x" * MAX_BODY}).encode()

    answer = await _send(client, body, shop.token)

    assert answer.json()["errors"][0]["extensions"] == {"code": "BODY_TOO_LARGE", "max": MAX_BODY}


async def test_the_limit_of_other_callers_is_unchanged(client, maria, ada, nobody):
    for person, most in ((maria, MAX_TEXT), (ada, MAX_TEAM), (nobody, MAX_BODY)):
        answer = await _send(client, _body(1) + b" " * most, person.token)
        assert answer.status_code == 413
        assert answer.json()["errors"][0]["extensions"]["max"] == most

    assert not await Order.all().exists()


@pytest.fixture
async def server(database, tmp_path, app):
    running: RealServer = await start(database, folder=tmp_path, GRACE=1, MAIL_WORKER="off")
    yield await running.ready()
    await running.kill()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_server_accepts_such_a_body(server, shop, chunked):
    body = _body(MAX_ORDERS // 10)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{length}\r\n"
        f"Authorization: Bearer {shop.token}\r\nConnection: close\r\n\r\n"
    )
    wrapped = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body

    client = await server.connect()
    await client.say(head.encode() + wrapped)
    answer = await client.end(60)

    assert len(body) > 1_000_000
    assert b" 200 OK" in answer
    assert answer.count(b"CREATED") == MAX_ORDERS // 10
