"""CORS: only configured origins are allowed."""

import pytest


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: what is tested here stores nothing."""
    return sqlite_database


QUERY = {"query": "{ __typename }"}
SHOP = "https://shop.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,authorization",
}


async def test_no_origin_is_allowed_by_default(another):
    async with another(production=True) as client:
        answer = await client.post("/graphql", json=QUERY, headers={"Origin": SHOP})
        preflight = await client.options("/graphql", headers=PREFLIGHT | {"Origin": SHOP})

    assert "access-control-allow-origin" not in answer.headers
    assert preflight.status_code == 405


async def test_a_configured_origin_is_allowed(another):
    async with another(cors_origins=(SHOP,)) as client:
        preflight = await client.options("/graphql", headers=PREFLIGHT | {"Origin": SHOP})
        answer = await client.post("/graphql", json=QUERY, headers={"Origin": SHOP})
        refused = await client.post("/graphql", json={}, headers={"Origin": SHOP})
        wrong = await client.post(
            "/graphql", json=QUERY, headers={"Origin": SHOP, "Authorization": "Bearer wrong"}
        )

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == SHOP
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    for each in (answer, refused, wrong):
        assert each.headers["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in each.headers
        assert "Origin" in each.headers["vary"]


async def test_an_origin_that_only_looks_like_it_is_not(another):
    async with another(cors_origins=(SHOP,)) as client:
        for origin in ("https://shop.example.evil.example", "http://shop.example", "null"):
            answer = await client.post("/graphql", json=QUERY, headers={"Origin": origin})
            preflight = await client.options("/graphql", headers=PREFLIGHT | {"Origin": origin})

            assert "access-control-allow-origin" not in answer.headers
            assert preflight.status_code == 400


async def test_a_configured_origin_may_get_queries(another):
    headers = {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}
    async with another(cors_origins=(SHOP,)) as client:
        answer = await client.get("/graphql", params=QUERY, headers=headers)

    assert answer.status_code == 200
