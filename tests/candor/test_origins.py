"""Origins that may send requests, by each door: those configured; in development this machine."""

from dataclasses import replace

import pytest

from candor.app import create_app
from candor.settings import BadSettings, from_environment

SHOP = "https://shop.example"
LOCAL = ("http://localhost:3000", "http://localhost", "http://127.0.0.1:5173")
NOT_LOCAL = (
    "https://localhost.evil.example",
    "http://localhost.evil.example:3000",
    "http://localhost:3000.evil.example",
    "http://127.0.0.1.evil.example",
    "http://evil.example/localhost",
    "http://127.0.0.2:3000",
    "https://localhost:3000",
    "null",
)
# Headers that common clients add.
ADDED = (
    "apollographql-client-name",
    "apollographql-client-version",
    "sentry-trace",
    "baggage",
    "traceparent",
    "tracestate",
    "x-apollo-operation-name",
    "graphql-require-preflight",
)
QUERY = {"query": "{ __typename }"}


@pytest.fixture
def database(sqlite_database) -> str:
    """Nothing is stored here."""
    return sqlite_database


async def ways_in(client, origin):
    """Whether a page of this origin is allowed: by preflight, by POST and by a simple GET."""
    preflight = await client.options(
        "/graphql",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,authorization",
        },
    )
    posted = await client.post("/graphql", json=QUERY, headers={"Origin": origin})
    simple = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
    got = await client.get("/graphql", params=QUERY, headers=simple)
    allowed = [
        each.headers.get("access-control-allow-origin") == origin
        for each in (preflight, posted, got)
    ]
    return [preflight.is_success, got.is_success, *allowed]


@pytest.mark.parametrize("origin", LOCAL)
async def test_in_development_pages_of_this_machine_are_allowed(another, settings, socket, origin):
    async with another() as client:
        assert all(await ways_in(client, origin))

    opened = await socket(to=create_app(settings), Origin=origin)
    assert opened.ack == {"type": "connection_ack"}


@pytest.mark.parametrize("origin", LOCAL)
async def test_in_production_they_are_not(another, settings, socket, origin):
    for named in ((), (SHOP,)):
        async with another(production=True, cors_origins=named) as client:
            assert not any(await ways_in(client, origin))
        app = create_app(replace(settings, production=True, cors_origins=named))
        refused = await socket(init=False, to=app, Origin=origin)
        assert refused.accepted["type"] == "websocket.close"


@pytest.mark.parametrize("origin", NOT_LOCAL)
async def test_an_origin_that_only_looks_like_this_machine_is_not(
    another, settings, socket, origin
):
    async with another() as client:
        assert not any(await ways_in(client, origin))

    refused = await socket(init=False, to=create_app(settings), Origin=origin)
    assert refused.accepted["type"] == "websocket.close"


@pytest.mark.parametrize("production", [True, False])
async def test_a_configured_origin_is_allowed_by_every_door(another, settings, socket, production):
    changes = {"production": production, "cors_origins": (SHOP,)}
    async with another(**changes) as client:
        assert all(await ways_in(client, SHOP))

    opened = await socket(to=create_app(replace(settings, **changes)), Origin=SHOP)
    assert opened.ack == {"type": "connection_ack"}


async def test_the_headers_that_clients_add_are_let_through(another):
    headers = {"Origin": SHOP, "Access-Control-Request-Method": "POST"}
    async with another(production=True, cors_origins=(SHOP,)) as client:
        for name in (*ADDED, ",".join(ADDED)):
            asked = headers | {"Access-Control-Request-Headers": name}
            preflight = await client.options("/graphql", headers=asked)
            assert preflight.status_code == 200, name
        asked = headers | {"Access-Control-Request-Headers": "x-secret"}
        assert (await client.options("/graphql", headers=asked)).status_code == 400


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("https://Shop.Example", "https://shop.example"),
        ("https://shop.example:443/", "https://shop.example"),
        ("HTTP://shop.example:80", "http://shop.example"),
        ("https://shop.example:8443", "https://shop.example:8443"),
    ],
)
async def test_an_origin_is_known_however_it_is_written(another, written, sent):
    named = {"CANDOR_SECRET": "x" * 32, "CANDOR_CORS_ORIGINS": written}

    async with another(cors_origins=from_environment(named).cors_origins) as client:
        assert all(await ways_in(client, sent))


@pytest.mark.parametrize(
    "value", ["https://*.shop.example", "https://shop.example/reviews", "shop.example", "https://"]
)
def test_what_is_no_origin_is_refused(value):
    with pytest.raises(BadSettings, match="CANDOR_CORS_ORIGINS"):
        from_environment({"CANDOR_SECRET": "x" * 32, "CANDOR_CORS_ORIGINS": value})


async def test_our_own_address_may_open_a_socket_also_when_it_has_a_path(settings, socket):
    app = create_app(replace(settings, production=True, public_url="https://Shop.example/reviews"))

    assert (await socket(to=app, Origin=SHOP)).ack == {"type": "connection_ack"}
