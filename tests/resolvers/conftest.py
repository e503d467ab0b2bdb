"""Who feeds orders: the marketplace's own key, and keys that are bound to a vendor."""

from datetime import UTC, datetime

import pytest

from candor.tokens import new_key
from models import ApiKey

RESULT = """results { externalId outcome order { externalId status completedAt }
  errors { code field message } warnings { code field message } }"""


@pytest.fixture
def send(shop):
    """Feed orders, as the marketplace or by another key: the results."""

    async def send(*orders, by=None):
        payload = await (by or shop).do("upsertOrders", RESULT, orders=list(orders))
        assert payload["errors"] == []
        return payload["results"]

    return send


@pytest.fixture
def key_of(person):
    """Make somebody with a key that is bound to a vendor."""

    async def make(vendor):
        key, digest = new_key()
        await ApiKey.create(
            name=f"key of {vendor}",
            digest=digest,
            scopes="ORDERS_WRITE",
            vendor=vendor,
            created_at=datetime.now(UTC),
        )
        someone = person("customer", "X")
        someone.token = key
        return someone

    return make


@pytest.fixture
async def nina_key(key_of):
    return await key_of("NINA")


@pytest.fixture
async def evil_key(key_of):
    return await key_of("EVIL")


@pytest.fixture
def wilma(person):
    return person("customer", "WILMA", name="Wilma Witness")
