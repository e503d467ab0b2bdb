"""The newest row of the feed wins, for orders and for persons."""

import asyncio
from datetime import timedelta

import pytest

from models import OutboxMail, sql
from tests.resolvers.feeds import (
    BOB,
    GOOD,
    LAMP,
    NOBODY,
    NOW,
    WILMA,
    ago,
    facts,
    order,
    outcomes,
    places,
)


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


async def test_a_row_from_the_future_is_refused(send, stored):
    before = await stored()

    results = await send(
        order(updatedAt=(NOW + timedelta(minutes=5, seconds=1)).isoformat()),
        order(updatedAt="2026-03-10T12:00:00"),
        order(updatedAt="yesterday"),
    )

    assert outcomes(results) == ["INVALID"] * 3
    assert [places(result) for result in results] == [["updatedAt"]] * 3
    assert await stored() == before


async def test_an_older_row_is_stale_and_changes_neither_the_order_nor_its_persons(send, stored):
    await send(order(updatedAt=ago(hours=1)))
    before = await stored()

    results = await send(
        order(
            status="IN_PROGRESS",
            completedAt=None,
            updatedAt=ago(hours=2),
            customer=NOBODY,
            vendor=GOOD | {"displayName": "Nina Old"},
            service=LAMP | {"title": "Old lamp"},
        )
    )

    assert outcomes(results) == ["STALE"]
    assert results[0]["order"] == {
        "externalId": "ORDER-1",
        "status": "COMPLETED",
        "completedAt": ago(days=1),
    }
    assert (results[0]["errors"], results[0]["warnings"]) == ([], [])
    assert await stored() == before


async def test_a_stale_row_of_a_reviewed_order_is_no_conflict(send, write, stored):
    await send(order(updatedAt=ago(hours=1)))
    await write()
    before = await stored()

    results = await send(order(updatedAt=ago(hours=3), customer=BOB))

    assert outcomes(results) == ["STALE"]
    assert await stored() == before


async def test_rows_of_equal_date_or_without_a_date_count_as_newer(send):
    await send(order(status="DELIVERED", completedAt=None, updatedAt=ago(hours=1)))

    results = [
        (await send(order(**changes)))[0]
        for changes in (
            {"updatedAt": ago(hours=1)},
            {"status": "DISPUTED"},
            {"updatedAt": ago(hours=2)},
            {"updatedAt": ago(minutes=5)},
        )
    ]

    assert outcomes(results) == ["UPDATED", "UPDATED", "STALE", "UPDATED"]


async def test_a_row_can_be_stale_because_of_another_in_its_batch(send):
    results = await send(
        order(updatedAt=ago(hours=1)),
        order(status="REFUNDED", updatedAt=ago(minutes=5)),
        order(status="IN_PROGRESS", completedAt=None, updatedAt=ago(hours=2)),
    )

    assert outcomes(results) == ["CREATED", "UPDATED", "STALE"]


async def test_an_older_order_does_not_change_a_person(send, write, nobody):
    clara = {"externalId": "CLARA", "displayName": "Clara New-Name", "email": "new@example.com"}
    old = clara | {"displayName": "Clara Oldname", "email": "old@example.com", "locale": "fi"}
    await send(order("S-2", customer=clara))

    results = await send(
        order("S-1", customer=old, status="REFUNDED", completedAt=None),
        order("S-0", customer=old, completedAt=ago(days=2)),
        order("S-9", customer=old, completedAt=ago(minutes=5), updatedAt=ago(days=3)),
    )

    assert outcomes(results) == ["CREATED"] * 3
    assert await facts("CLARA") == ("Clara New-Name", "new@example.com", None)
    await send(order("S-3", customer=old, completedAt=ago(hours=1)))
    assert await facts("CLARA") == ("Clara Oldname", "old@example.com", "fi")
    await send(order("S-4", customer=clara, status="PENDING", completedAt=None))
    assert (await facts("CLARA"))[:2] == ("Clara New-Name", "new@example.com")


async def test_vendors_and_services_keep_their_newest_facts_too(send, nobody):
    await send(order())

    await send(
        order(
            "ORDER-0",
            completedAt=ago(days=9),
            vendor=GOOD | {"displayName": "Nina Old"},
            service=LAMP | {"title": "Old lamp"},
        )
    )

    query = '{ service(ref: {externalId: "LAMP"}) { title vendor { displayName } } }'
    assert (await nobody.ask(query))["service"] == {
        "title": "A lamp",
        "vendor": {"displayName": "Nina"},
    }


async def test_a_newer_order_with_equal_facts_renews_their_date(send):
    await send(order("S-1", completedAt=ago(days=9)), order("S-3", completedAt=ago(days=1)))

    await send(order("S-2", completedAt=ago(days=5), customer=NOBODY))

    assert (await facts())[0] == "Wilma Witness"


async def test_concurrent_feeds_leave_the_newest_facts(send):
    rows = [
        order(
            f"ORDER-{n}",
            updatedAt=ago(minutes=n),
            customer=WILMA | {"displayName": f"Wilma {n}"},
            vendor=GOOD | {"displayName": f"Nina {n}"},
        )
        for n in range(16)
    ]

    answers = await asyncio.gather(*(send(row) for row in rows[::-1] + rows[8:]))

    assert all(not result["errors"] for answer in answers for result in answer)
    assert (await facts())[0] == "Wilma 0"
    assert [row["display_name"] for row in await sql.fetch("SELECT display_name FROM vendor")] == [
        "Nina 0"
    ]


async def test_rows_without_a_stored_date_count_as_oldest(send):
    await send(order(updatedAt=ago(minutes=1)))
    for table in ("customer", "vendor", "service"):
        await sql.execute(f"UPDATE {table} SET told_at = NULL")
    await sql.execute("UPDATE orders SET updated_at = NULL")

    results = await send(order(status="REFUNDED", updatedAt=ago(days=900), customer=NOBODY))

    assert outcomes(results) == ["UPDATED"]
    assert (await facts())[0] == "Nobody Special"


@pytest.mark.parametrize("id", ["0", "guest", "Guest", "NONE", "null", "Anonymous"])
async def test_a_placeholder_id_is_a_separate_person_per_order(send, id, person, ada, nobody):
    greta = {"externalId": id, "displayName": "Greta Guest", "email": "greta@example.com"}
    hugo = greta | {"displayName": "Hugo Other", "email": "hugo@example.com"}

    results = await send(order("05-1", customer=greta), order("05-2", customer=hugo))

    assert outcomes(results) == ["CREATED", "CREATED"]
    assert [places(result, "warnings") for result in results] == [["customer.externalId"]] * 2
    assert "that only this buyer has" in results[0]["warnings"][0]["message"]
    reminders = await OutboxMail.filter(mail="review.reminder").order_by("address")
    assert [mail.address for mail in reminders] == ["greta@example.com", "hugo@example.com"]
    token = person("customer", id)
    query = '{ order(ref: {externalId: "05-1"}) { externalId } }'
    assert (await token.ask(query))["order"] is None
    again = await send(order("05-1", customer=greta))
    assert outcomes(again) == ["UNCHANGED"]


async def test_a_placeholder_id_works_with_the_longest_order_number(send):
    number = "O" * 200

    results = await send(order(number, customer=WILMA | {"externalId": "0"}))

    assert outcomes(results) == ["CREATED"]
    assert outcomes(await send(order(number, customer=WILMA | {"externalId": "0"}))) == [
        "UNCHANGED"
    ]
