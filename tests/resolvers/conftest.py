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
