"""What a key bound to a vendor may change of persons and orders."""

from datetime import timedelta

import pytest

from tests.resolvers.feeds import (
    BOB,
    NOBODY,
    NOW,
    THING,
    WILMA,
    ago,
    evils,
    facts,
    order,
    outcomes,
    places,
    shown_author,
)


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


async def test_a_vendors_key_does_not_change_a_customer_with_orders_of_another_vendor(
    send, evil_key, write, nobody, log
):
    await send(order())
    await write()

    results = await send(evils(customer=NOBODY), evils("EVIL-2", customer=NOBODY), by=evil_key)

    assert outcomes(results) == ["CREATED", "CREATED"]
    assert await facts() == ("Wilma Witness", "wilma@example.com", None)
    assert await shown_author(nobody) == ["Wilma W."]
    assert [entry for entry in await log() if entry[0] == "PERSON_CHANGED"] == []


async def test_a_vendors_key_changes_its_own_customers_and_the_change_is_logged(
    send, evil_key, log
):
    await send(evils(customer=WILMA), by=evil_key)

    await send(evils(customer=NOBODY), by=evil_key)

    assert await facts() == ("Nobody Special", "attacker@example.com", "fi")
    assert await log() == [
        (
            "PERSON_CHANGED",
            "key of EVIL",
            {"customer": "WILMA", "changed": "display_name, email, locale"},
        )
    ]


async def test_a_vendors_key_does_not_change_a_customer_sent_by_the_marketplace(
    send, nina_key, write, nobody
):
    await send(order())
    await write()

    results = await send(order("ORDER-2", customer=NOBODY), by=nina_key)

    assert outcomes(results) == ["CREATED"]
    assert await facts() == ("Wilma Witness", "wilma@example.com", None)
    assert await shown_author(nobody) == ["Wilma W."]


async def test_facts_of_the_marketplace_replace_those_of_a_vendors_key(send, evil_key):
    later = (NOW + timedelta(minutes=4)).isoformat()
    await send(evils(customer=NOBODY, updatedAt=later), by=evil_key)

    await send(order(updatedAt=ago(days=2)))

    assert (await facts())[:2] == ("Wilma Witness", "wilma@example.com")


@pytest.mark.parametrize("hand_over", [False, True])
async def test_a_vendors_key_never_changes_the_customer_of_a_reviewed_order(
    send, nina_key, write, stored, hand_over, wilma
):
    await send(order())
    written = await write()
    before = await stored()
    shill = {"externalId": "SHILL", "displayName": "Sam Shill"}

    results = await send(order(customer=shill, handOver=hand_over), by=nina_key)

    assert outcomes(results) == ["FORBIDDEN"]
    assert places(results[0]) == ["customer.externalId"]
    assert await stored() == before
    edited = await wilma.do("editReview", "review { rating }", reviewId=written, rating=2)
    assert edited == {"review": {"rating": 2}, "errors": []}


FORBIDDEN = {
    "customer": ({"customer": {"externalId": "SHILL", "displayName": "S"}}, "customer.externalId"),
    "earlier": ({"completedAt": ago(days=40)}, "completedAt"),
    "later": ({"completedAt": ago(hours=1)}, "completedAt"),
    "service": ({"service": THING}, "service.externalId"),
    **{
        status: ({"status": status, "completedAt": None}, "status")
        for status in ("PENDING", "IN_PROGRESS", "DELIVERED", "CANCELLED", "DISPUTED")
    },
}


@pytest.mark.parametrize("case", FORBIDDEN)
@pytest.mark.parametrize("reviewed", [False, True])
async def test_while_an_order_can_be_reviewed_a_vendors_key_cannot_change_it(
    send, nina_key, write, stored, case, reviewed
):
    changes, place = FORBIDDEN[case]
    await send(order())
    if reviewed:
        await write()
    before = await stored()

    results = await send(order(**changes), by=nina_key)

    code = "CONFLICT" if reviewed and case == "service" else "FORBIDDEN"
    assert outcomes(results) == [code]
    assert places(results[0]) == ([""] if code == "CONFLICT" else [place])
    assert await stored() == before


async def test_a_vendors_key_may_refund_and_undo_it_but_not_revert_the_completion(
    send, nina_key, log
):
    await send(order())

    results = [
        (await send(order(**changes), by=nina_key))[0]
        for changes in (
            {"status": "REFUNDED"},
            {"status": "REFUNDED", "completedAt": ago(hours=2)},
            {"status": "IN_PROGRESS", "completedAt": None},
            {"status": "COMPLETED"},
        )
    ]

    assert outcomes(results) == ["UPDATED", "FORBIDDEN", "FORBIDDEN", "UPDATED"]
    assert results[-1]["order"]["completedAt"] == ago(days=1)
    assert await log() == [
        ("ORDER_STATUS_CHANGED", "key of NINA", {"was": "COMPLETED", "now": "REFUNDED"}),
        ("ORDER_STATUS_CHANGED", "key of NINA", {"was": "REFUNDED", "now": "COMPLETED"}),
    ]


async def test_after_the_window_a_vendors_key_may_change_the_status_but_not_reopen_the_window(
    send, nina_key
):
    await send(order(completedAt=ago(days=60)))

    results = [
        (await send(order(**changes), by=nina_key))[0]
        for changes in (
            {"status": "DISPUTED", "completedAt": ago(days=50)},
            {"completedAt": ago(days=1)},
            {"status": "IN_PROGRESS", "completedAt": None},
            {"customer": BOB, "completedAt": None},
        )
    ]

    assert outcomes(results) == ["UPDATED", "FORBIDDEN", "FORBIDDEN", "FORBIDDEN"]
    assert results[0]["order"]["completedAt"] == ago(days=50)


async def test_without_a_window_a_vendors_key_never_changes_a_completion_date(
    send, nina_key, ada, stored
):
    await ada.do("updateSettings", reviewWindowDays=0)
    await send(order(completedAt=ago(days=900)))
    before = await stored()

    results = await send(order(completedAt=ago(days=1)), by=nina_key)

    assert outcomes(results) == ["FORBIDDEN"]
    assert await stored() == before


async def test_a_vendors_key_changes_the_status_of_its_order_before_completion(send, nina_key, log):
    for status in ("PENDING", "IN_PROGRESS", "DELIVERED", "COMPLETED"):
        await send(order(status=status, completedAt=None), by=nina_key)

    assert [entry[2] for entry in await log()] == [
        {"was": "PENDING", "now": "IN_PROGRESS"},
        {"was": "IN_PROGRESS", "now": "DELIVERED"},
        {"was": "DELIVERED", "now": "COMPLETED"},
    ]


async def test_status_changes_by_the_marketplace_are_not_logged(send, log):
    await send(order(status="PENDING", completedAt=None), order())

    assert await log() == []


async def test_rows_of_a_vendors_key_never_make_rows_of_the_marketplace_stale(send, nina_key):
    ahead = (NOW + timedelta(minutes=5)).isoformat()
    await send(order(status="DELIVERED", completedAt=None, updatedAt=ahead), by=nina_key)

    first = await send(order(updatedAt=ago(hours=1), customer=WILMA | {"displayName": "Wilma W"}))
    late = await send(order(status="REFUNDED", updatedAt=ago(hours=2)), by=nina_key)

    assert outcomes(first + late) == ["UPDATED", "STALE"]
    assert (await facts())[0] == "Wilma W"
