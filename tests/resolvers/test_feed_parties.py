"""Placeholder ids, and services that move between vendors."""

import pytest

from models import sql
from tests.resolvers.feeds import (
    EVIL,
    NOW,
    THING,
    ago,
    order,
    outcomes,
    places,
)


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


@pytest.mark.parametrize("by", ["shop", "omar"])
async def test_a_service_with_reviews_does_not_move_to_another_vendor(
    send, write, stored, by, key_of
):
    await send(order())
    await write()
    before = await stored()
    omar = {"externalId": "OMAR", "displayName": "Omar"}
    key = await key_of("OMAR") if by == "omar" else None

    results = await send(order("ORDER-2", vendor=omar, completedAt=ago(hours=1)), by=key)

    assert outcomes(results) == ["FORBIDDEN" if key else "CONFLICT"]
    assert places(results[0]) == ["service.externalId"]
    assert await stored() == before


async def test_a_service_without_reviews_moves_only_with_newer_orders(send, nobody):
    omar = {"externalId": "OMAR", "displayName": "Omar"}
    query = '{ service(ref: {externalId: "LAMP"}) { vendor { externalId } } }'
    await send(order())

    results = await send(
        order("ORDER-2", vendor=omar, completedAt=ago(hours=1)),
        order("ORDER-0", completedAt=ago(days=5)),
        order(status="REFUNDED"),
    )

    assert outcomes(results) == ["CREATED", "CREATED", "UPDATED"]
    assert (await nobody.ask(query))["service"] == {"vendor": {"externalId": "OMAR"}}


async def test_a_service_that_moved_away_from_its_reviews_may_move_back(send, write, nobody):
    await send(order(), order("ORDER-2", vendor=EVIL, service=THING, completedAt=ago(days=9)))
    await write()
    await sql.execute(
        "UPDATE service SET vendor_id = (SELECT id FROM vendor WHERE external_id = 'EVIL')"
    )

    results = await send(order("ORDER-3", completedAt=ago(hours=1)))

    assert outcomes(results) == ["CREATED"]
    query = '{ service(ref: {externalId: "LAMP"}) { vendor { externalId } } }'
    assert (await nobody.ask(query))["service"] == {"vendor": {"externalId": "NINA"}}
