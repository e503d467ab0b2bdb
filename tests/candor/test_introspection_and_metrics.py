"""Who may read the schema and the metrics."""

from dataclasses import replace

import httpx
import pytest

from candor.app import create_app
from candor.settings import BadSettings, from_environment
from candor.settings.metrics_access import MetricsAccess

SECRET = {"CANDOR_SECRET": "a secret of the tests, long enough to sign with"}
TOKEN = "a-token-of-the-metrics"


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: it is not used."""
    return sqlite_database


def door(value, **more):
    return from_environment(SECRET | {"CANDOR_METRICS": value} | more).metrics


@pytest.fixture
def read(app, settings):
    """The status of /metrics by CANDOR_METRICS and the address of the socket."""

    async def read(metrics, address, **headers):
        transport = httpx.ASGITransport(
            app=create_app(replace(settings, metrics=metrics)), client=(address, 1)
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://candor.test") as client:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = await client.get("/metrics", headers=sent)
        assert ("candor_operations" in answer.text) == (answer.status_code == 200)
        return answer.status_code

    return read


async def test_without_introspection_the_schema_is_told_nowhere(another):
    async with another(introspection=False) as client:
        sdl = await client.get("/graphql/schema.graphql")
        page = await client.get("/")
        response = await client.post("/graphql", json={"query": "{ __schema { types { name } } }"})

    assert sdl.status_code == 404
    assert sdl.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert "schema.graphql" not in page.text
    assert "errors" in response.json()


async def test_with_introspection_it_is(another):
    async with another() as client:
        assert "type Query" in (await client.get("/graphql/schema.graphql")).text
        assert "schema.graphql" in (await client.get("/")).text


async def test_in_production_this_machine_alone_reads_the_metrics(read):
    metrics = from_environment(SECRET | {"CANDOR_ENV": "production"}).metrics

    assert await read(metrics, "127.0.0.1") == 200
    assert await read(metrics, "::1") == 200
    assert await read(metrics, "::ffff:127.0.0.1") == 200
    assert await read(metrics, "203.0.113.9") == 403
    assert await read(metrics, "203.0.113.9", X_Forwarded_For="127.0.0.1") == 403


async def test_who_comes_by_a_proxy_on_this_machine_is_not_of_this_machine(read):
    metrics = from_environment(SECRET | {"CANDOR_ENV": "production"}).metrics

    assert await read(metrics, "127.0.0.1", X_Forwarded_For="127.0.0.1") == 403
    assert await read(metrics, "127.0.0.1", Forwarded="for=127.0.0.1") == 403


async def test_in_development_everybody_reads_them(read):
    metrics = from_environment(SECRET).metrics

    assert await read(metrics, "203.0.113.9") == 200
    assert await read(door("off"), "127.0.0.1") == 404
    assert await read(door("on", CANDOR_ENV="production"), "203.0.113.9") == 200


async def test_networks_can_be_named(read):
    metrics = door("10.0.0.0/8, 2001:db8::/32,192.0.2.1")

    statuses = [
        await read(metrics, address)
        for address in ("10.9.8.7", "2001:db8::1", "192.0.2.1", "192.0.2.2", "127.0.0.1")
    ]
    assert statuses == [200, 200, 200, 403, 403]


async def test_whoever_has_the_token_reads_them_from_anywhere(read):
    metrics = door(TOKEN, CANDOR_ENV="production")

    assert await read(metrics, "203.0.113.9", Authorization=f"Bearer {TOKEN}") == 200
    assert await read(metrics, "203.0.113.9", Authorization=f"bearer  {TOKEN}") == 200
    for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN, "Bearer tökens"):
        sent = wrong.encode("latin-1")
        assert await read(metrics, "127.0.0.1", Authorization=sent) == 401
    assert await read(metrics, "127.0.0.1") == 401
    assert TOKEN not in repr(from_environment(SECRET | {"CANDOR_METRICS": TOKEN}))


@pytest.mark.parametrize(
    "value", ["localhost", "yes", "10.0.0.0/33", "127.0.0.1,local", "a token with blanks", "short"]
)
def test_what_can_be_neither_is_refused(value):
    with pytest.raises(BadSettings, match="CANDOR_METRICS"):
        door(value)


def test_a_door_stands_open_unless_it_is_told():
    assert MetricsAccess().everybody
