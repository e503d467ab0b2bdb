"""Keys that feed orders: the marketplace's own, and keys bound to a vendor."""

import pytest

RESULT = """results { externalId outcome order { externalId status completedAt }
  errors { code field message } warnings { code field message } }"""


@pytest.fixture
def send(shop):
    """Feed orders, with the marketplace's key or another, and return the results."""

    async def send(*orders, by=None):
        payload = await (by or shop).do("upsertOrders", RESULT, orders=list(orders))
        assert payload["errors"] == []
        return payload["results"]

    return send


@pytest.fixture
async def nina_key(key_of):
    return await key_of("NINA")


@pytest.fixture
async def evil_key(key_of):
    return await key_of("EVIL")


@pytest.fixture
def wilma(person):
    return person("customer", "WILMA", name="Wilma Witness")


@pytest.fixture
def write(wilma):
    async def write(order="ORDER-1", by=None, **input):
        payload = await (by or wilma).do(
            "createReview",
            "review { id author { displayName } }",
            order={"externalId": order},
            **({"rating": 1, "body": "It flickers a lot, sadly."} | input),
        )
        assert payload["errors"] == []
        return payload["review"]["id"]

    return write


@pytest.fixture
def log(sam):
    """The tracking log, oldest first: who, what, details."""

    async def read(**filter):
        query = "query($f: TrackingFilter) { trackingLog(first: 100, filter: $f) { nodes { kind actor actorRole order { externalId } details { name value } } } }"
        nodes = (await sam.ask(query, f=filter))["trackingLog"]["nodes"]
        return [
            (node["kind"], node["actor"], {d["name"]: d["value"] for d in node["details"]})
            for node in reversed(nodes)
        ]

    return read
