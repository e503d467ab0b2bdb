"""What the configurations of nginx and Caddy in `deploy/` let through, log and compress."""

import asyncio
import json

import httpx
import pytest

MARIA, CARL = "127.0.0.2", "127.0.0.3"
QUERY = {"query": "{ viewer { role } }"}
LINK = "eyJhbGciOiJ-the-token-of-a-link"
EXPENSIVE = {"query": "{ __schema { queryType { name } } }"}
SUBSCRIPTION = {"query": "subscription { reviewPublished { rating } }"}


async def spend_budget(client, **headers):
    """Use up the budget of this client."""
    for number in range(200):
        forwarded = {name: value.format(number) for name, value in headers.items()}
        answer = await client.post("/graphql", json=EXPENSIVE, headers=forwarded)
        if answer.status_code == 429:
            return
    pytest.fail("no budget was used up")


async def test_a_client_is_identified_by_its_own_address_whatever_it_sends(front):
    maria, carl = front.of(MARIA), front.of(CARL)
    await spend_budget(
        maria, **{"X-Forwarded-For": "203.0.113.{}", "Forwarded": "for=203.0.113.{}"}
    )

    assert (await maria.post("/graphql", json=EXPENSIVE)).status_code == 429
    answer = await carl.post("/graphql", json=QUERY, headers={"X-Forwarded-For": MARIA})
    assert answer.json()["data"] == {"viewer": {"role": "ANONYMOUS"}}


async def test_the_scheme_and_the_host_are_those_of_the_client(front):
    headers = {"X-Forwarded-Proto": "http"}

    answer = await front.of().get("/healthz/", headers=headers)

    assert answer.headers["location"] == front.url("/healthz")


async def test_websockets_pass_and_use_their_clients_budget(front):
    await spend_budget(front.of(MARIA))
    answers = {}
    for source in (MARIA, CARL):
        origin = front.url("")
        async with await front.websocket(source, Origin=origin, X_Forwarded_For="1.2.3.4") as ws:
            await ws.send('{"type": "connection_init"}')
            assert json.loads(await ws.recv()) == {"type": "connection_ack"}
            await ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": EXPENSIVE}))
            answers[source] = json.loads(await ws.recv())["type"]

    assert answers == {MARIA: "error", CARL: "next"}


async def test_a_page_of_another_site_cannot_open_a_websocket(front):
    with pytest.raises(Exception, match="HTTP 403"):
        await front.websocket(Origin="https://shop.example")


async def test_events_are_not_buffered(front):
    headers = {"Accept": "text/event-stream", "Accept-Encoding": "gzip"}
    got = b""

    async with (
        asyncio.timeout(10),
        front.of().stream("POST", "/graphql", json=SUBSCRIPTION, headers=headers) as answer,
    ):
        async for octets in answer.aiter_raw():
            got += octets
            if got.count(b":\n\n") == 2:
                break

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("size", [300_000, 5_000_000])
async def test_candor_itself_refuses_a_body_that_is_too_large(front, size):
    answer = await front.of().post("/graphql", json=QUERY | {"filling": "x" * size})

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_the_proxy_ends_an_endless_body(front):
    async def endless():
        while True:
            yield b"x" * 1_000_000

    try:
        answer = await front.of().post("/graphql", content=endless())
    except httpx.TransportError:  # it ended while we were still sending
        pass
    else:
        assert answer.status_code in {413, 415, 502}

    assert (await front.of().get("/healthz")).status_code == 200


async def test_tokens_of_links_are_never_logged(front):
    client = front.of()
    places = [
        *(f"/{kind}/{LINK}" for kind in ("r", "u", "unsubscribe", "R", "%72", "graphiql")),
        f"//r/{LINK}",
        f"/r/{LINK}?rating=4",
        f"/?token={LINK}",
        f"/graphql?query={{%20viewer%20}}&variables={LINK}",
    ]
    for place in places:
        answer = await client.get(
            front.url(place), headers={"Referer": f"https://x.example/r/{LINK}"}
        )
        assert answer.status_code < 500
    await front.server.kill()
    for place in places:
        assert (await client.get(front.url(place))).status_code == 502

    async with asyncio.timeout(5):
        while front.logged().count("502") < len(places):
            await asyncio.sleep(0.05)
    assert "/unsubscribe" in front.logged()
    assert MARIA in front.logged()
    assert LINK not in front.logged()


async def test_long_responses_are_compressed_and_short_ones_are_not(front):
    client = front.of()
    headers = {"Accept-Encoding": "gzip", "Accept": "application/graphql-response+json"}

    sdl = await client.get("/graphql/schema.graphql", headers=headers)
    short = await client.post("/graphql", json=QUERY, headers=headers)
    types = "{ __schema { types { name description } } }"
    long = await client.post("/graphql", json={"query": types}, headers=headers)

    assert long.json()["data"]
    for answer in (sdl, long):
        assert answer.headers["content-encoding"] == "gzip"
        assert "Accept-Encoding" in answer.headers["vary"]
    assert "content-encoding" not in short.headers


async def test_metrics_are_only_for_this_machine(front):
    for place in ("/metrics", "/%6detrics", "//metrics", "/metrics?x"):
        answer = await front.of().get(front.url(place))

        assert answer.status_code == 404, place
        assert "candor_" not in answer.text

    async with httpx.AsyncClient() as client:
        own = await client.get(f"http://127.0.0.1:{front.server.port}/metrics")
    assert own.status_code == 200
    assert "candor_" in own.text
