"""The order feed: idempotent, the newest row wins, a bad row does not affect the others."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from models import Notification, OutboxMail, Review, sql
from tests.resolvers.feeds import outcomes

NOON = "2026-03-10T12:00:00+00:00"
RESULT = "results { externalId outcome order { externalId status completedAt service { externalId title } vendor { externalId } } errors { code field } }"
OMAR = {"externalId": "OMAR", "displayName": "Omar"}


def order(id="ORDER-1", **changes):
    return {
        "externalId": id,
        "status": "COMPLETED",
        "completedAt": "2026-03-10T12:00:00Z",
        "customer": {"externalId": "MARIA", "displayName": "Maria Souza"},
        "vendor": {"externalId": "NINA", "displayName": "Nina"},
        "service": {"externalId": "LOGO", "title": "A logo"},
    } | changes


@pytest.fixture
def send(shop):
    async def send(*orders, by=None):
        payload = await (by or shop).do("upsertOrders", RESULT, orders=list(orders))
        assert payload["errors"] == []
        return payload["results"]

    return send


@pytest.fixture
async def partner(key_of):
    """A key that may write Nina's orders only."""
    return await key_of("NINA")


async def reminders():
    """Recipients and due times of the promised reminders."""
    rows = await OutboxMail.filter(mail="review.reminder", status="SCHEDULED").order_by("due_at")
    return [(row.recipient, datetime.fromtimestamp(row.due_at / 1000, UTC)) for row in rows]


async def test_the_same_orders_again_change_nothing(send, stored):
    orders = [order("ORDER-1"), order("ORDER-2", status="PENDING", completedAt=None)]

    first = await send(*orders)
    before = await stored()
    second = await send(*orders)

    assert outcomes(first) == ["CREATED", "CREATED"]
    assert outcomes(second) == ["UNCHANGED", "UNCHANGED"]
    assert [result["order"] for result in first] == [result["order"] for result in second]
    assert await stored() == before


BAD = {
    "naive": ({"completedAt": "2026-03-10T12:00:00"}, "completedAt"),
    "no date": ({"completedAt": "yesterday"}, "completedAt"),
    "empty date": ({"completedAt": ""}, "completedAt"),
    "out of the calendar": ({"completedAt": "0001-01-01T00:00:00+14:00"}, "completedAt"),
    "before computers": ({"completedAt": "0001-01-01T00:00:00Z"}, "completedAt"),
    "future": ({"completedAt": "2026-03-10T12:06:00Z"}, "completedAt"),
    "empty id": ({"externalId": ""}, "externalId"),
    "padded id": ({"externalId": " ORDER-1"}, "externalId"),
    "NUL id": ({"externalId": "ORDER\x00"}, "externalId"),
    "long id": ({"externalId": "O" * 201}, "externalId"),
    "NUL customer": ({"customer": {"externalId": "M\x00", "displayName": "M"}}, "customer.externalId"),
    "empty title": ({"service": {"externalId": "LOGO", "title": "\u200e"}}, "service.title"),
}  # fmt: skip


async def test_a_bad_row_is_refused_with_its_path_and_does_not_affect_the_others(send, at):
    at(NOON)
    rows = []
    for place, (changes, _) in enumerate(BAD.values()):
        rows += [order(f"ORDER-{place}"), order("BAD") | changes]

    results = await send(*rows)

    assert [result["outcome"] for result in results[::2]] == ["CREATED"] * len(BAD)
    assert [result["externalId"] for result in results] == [row["externalId"] for row in rows]
    found = {
        name: (result["errors"][0]["code"], result["errors"][0]["field"], len(result["errors"]))
        for name, result in zip(BAD, results[1::2], strict=True)
    }
    assert found == {
        name: ("INVALID", ["input", "orders", str(2 * place + 1), *path.split(".")], 1)
        for place, (name, (_, path)) in enumerate(BAD.items())
    }
    assert len(await sql.fetch("SELECT id FROM orders")) == len(BAD)
    assert [row["external_id"] for row in await sql.fetch("SELECT external_id FROM customer")] == ["MARIA"]  # fmt: skip


@pytest.mark.parametrize("date", ["2026-03-10T12:00:00Z", "nonsense"])
async def test_501_orders_are_refused_without_validation(shop, stored, date):
    before = await stored()
    rows = [order(f"ORDER-{n}") for n in range(500)] + [order("ORDER-500", completedAt=date)]

    payload = await shop.do("upsertOrders", "results { externalId }", orders=rows)

    assert payload["results"] == []
    assert [(e["code"], e["field"]) for e in payload["errors"]] == [
        ("INVALID", ["input", "orders"])
    ]
    assert await stored() == before


async def test_500_orders_are_accepted_at_once(send):
    results = await send(*[order(f"ORDER-{n}") for n in range(500)])

    assert outcomes(results) == ["CREATED"] * 500
    assert (await sql.fetch("SELECT COUNT(*) AS n FROM orders"))[0]["n"] == 500
    assert (await sql.fetch("SELECT COUNT(*) AS n FROM customer"))[0]["n"] == 1


async def test_an_order_twice_in_a_batch_is_applied_in_the_order_given(send):
    results = await send(
        order(status="DELIVERED", completedAt=None),
        order("ORDER-2"),
        order(status="COMPLETED"),
        order(completedAt="naive"),
        order(status="REFUNDED"),
        order(status="REFUNDED"),
    )

    assert outcomes(results) == ["CREATED", "CREATED", "UPDATED", "INVALID", "UPDATED", "UNCHANGED"]
    assert results[-1]["order"]["status"] == "REFUNDED"
    assert results[-1]["order"]["completedAt"] == NOON


async def test_a_vendors_key_writes_that_vendors_orders_only(send, partner, stored):
    await send(
        order("OMARS", vendor=OMAR, service={"externalId": "SITE", "title": "A site"}),
    )

    results = await send(
        order("ORDER-1"),
        order("ORDER-2", vendor=OMAR),
        order("OMARS"),
        order("ORDER-3", service={"externalId": "SITE", "title": "Mine now"}),
        order("ORDER-4", vendor=OMAR, completedAt="naive"),
        by=partner,
    )

    assert outcomes(results) == ["CREATED", *["FORBIDDEN"] * 4]
    assert [row["external_id"] for row in await sql.fetch("SELECT external_id FROM orders ORDER BY external_id")] == ["OMARS", "ORDER-1"]  # fmt: skip
    site = (await sql.fetch("SELECT s.title, v.external_id AS vendor FROM service s JOIN vendor v ON v.id = s.vendor_id WHERE s.external_id = 'SITE'"))[0]  # fmt: skip
    assert (site["title"], site["vendor"]) == ("A site", "OMAR")


@pytest.mark.parametrize(
    "changes",
    [
        {"vendor": OMAR},
        {"service": {"externalId": "SITE", "title": "A site"}},
        {"vendor": OMAR, "service": {"externalId": "LOGO", "title": "Stolen"}},
    ],
)
async def test_a_reviewed_order_keeps_its_service_and_vendor_and_the_refused_row_changes_nothing(
    send, review, changes, stored, nobody
):
    await review()
    before = await stored()

    results = await send(order(**changes), order("ORDER-2", service={"externalId": "WEB", "title": "W"}))  # fmt: skip

    assert outcomes(results) == ["CONFLICT", "CREATED"]
    after = await stored()
    for table in ("review", "rating_counter"):
        assert after[table] == before[table]
    service = (await nobody.ask('{ service(ref: {externalId: "LOGO"}) { title vendor { externalId } } }'))["service"]  # fmt: skip
    assert service == {"title": "A logo", "vendor": {"externalId": "NINA"}}
    assert (await nobody.ask('{ service(ref: {externalId: "SITE"}) { title } }'))["service"] is None


async def test_names_titles_and_addresses_of_a_reviewed_order_may_change(send, review, nobody):
    await review()

    results = await send(
        order(
            customer={"externalId": "MARIA", "displayName": "Mary Sue"},
            vendor={"externalId": "NINA", "displayName": "Nina & Co"},
            service={"externalId": "LOGO", "title": "Logos", "url": "https://shop.example/new"},
        )
    )

    assert results[0]["errors"] == []
    shown = (await nobody.ask("{ reviews { nodes { author { displayName } service { title url } vendor { displayName } } } }"))["reviews"]  # fmt: skip
    assert shown["nodes"] == [
        {
            "author": {"displayName": "Mary S."},
            "service": {"title": "Logos", "url": "https://shop.example/new"},
            "vendor": {"displayName": "Nina & Co"},
        }
    ]


async def test_values_left_out_stay_and_null_clears_them(send):
    await send(order(customer={"externalId": "MARIA", "displayName": "M", "email": "m@example.com", "locale": "de"}))  # fmt: skip

    await send(order(customer={"externalId": "MARIA", "displayName": "M"}))
    kept = (await sql.fetch("SELECT email, locale FROM customer"))[0]
    await send(order(customer={"externalId": "MARIA", "displayName": "M", "email": None, "locale": None}))  # fmt: skip
    forgotten = (await sql.fetch("SELECT email, locale FROM customer"))[0]

    assert kept == {"email": "m@example.com", "locale": "de"}
    assert forgotten == {"email": None, "locale": None}


async def test_an_order_handed_to_another_customer_takes_its_review_along(
    send, review, maria, carl, counters
):
    written = await review(idempotencyKey="K")
    numbers = await counters()

    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()

    carls = {"externalId": "CARL", "displayName": "Carl Weber"}
    await send(order(customer=carls, completedAt=yesterday, handOver=True))

    query = "query($id: ID!) { review(id: $id) { author { displayName } order { externalId } revisions { body } } }"
    assert (await carl.ask(query, id=written["id"]))["review"]["order"] == {"externalId": "ORDER-1"}
    assert (await maria.ask(query, id=written["id"]))["review"] == {
        "author": {"displayName": "Carl W."},
        "order": None,
        "revisions": [],
    }
    assert await counters() == numbers
    edited = await carl.do("editReview", "review { rating }", reviewId=written["id"], rating=4)
    assert edited == {"review": {"rating": 4}, "errors": []}
    refused = await maria.do("editReview", reviewId=written["id"], rating=1)
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]


@pytest.mark.parametrize(
    ("news", "expected"),
    [
        ([("COMPLETED", None)], "2026-03-10T12:00:00+00:00"),
        ([("COMPLETED", "2026-03-01T10:00:00+03:00")], "2026-03-01T07:00:00+00:00"),
        ([("PENDING", None)], None),
        ([("DELIVERED", None)], None),
        ([("COMPLETED", "2026-03-01T10:00:00Z"), ("COMPLETED", None)], "2026-03-01T10:00:00+00:00"),
        ([("COMPLETED", "2026-03-01T10:00:00Z"), ("REFUNDED", None)], "2026-03-01T10:00:00+00:00"),
        ([("COMPLETED", "2026-03-01T10:00:00Z"), ("DISPUTED", None), ("COMPLETED", None)], "2026-03-01T10:00:00+00:00"),
        ([("COMPLETED", "2026-03-01T10:00:00Z"), ("IN_PROGRESS", None)], None),
        ([("COMPLETED", "2026-03-01T10:00:00Z"), ("IN_PROGRESS", None), ("COMPLETED", None)], "2026-03-10T12:00:00+00:00"),
        ([("COMPLETED", "2026-03-01T10:00:00Z"), ("COMPLETED", "2026-03-05T10:00:00Z")], "2026-03-05T10:00:00+00:00"),
        ([("COMPLETED", "2026-03-10T12:05:00Z")], "2026-03-10T12:05:00+00:00"),
        ([("REFUNDED", None)], None),
    ],
)  # fmt: skip
async def test_when_an_order_was_completed(send, at, news, expected):
    at(NOON)

    for status, completed_at in news:
        results = await send(order(status=status, completedAt=completed_at))

    assert results[0]["errors"] == []
    assert results[0]["order"]["completedAt"] == expected
    assert results[0]["order"]["status"] == news[-1][0]


@pytest.mark.parametrize("status", ["REFUNDED", "CANCELLED", "DISPUTED"])
async def test_a_review_of_a_refunded_order_still_counts_but_a_new_one_is_refused(
    send, review, maria, counters, status, nobody
):
    await review("ORDER-1")
    await send(order("ORDER-2", completedAt=datetime.now(UTC).isoformat()))

    await send(order("ORDER-1", status=status), order("ORDER-2", status=status))

    assert await counters() == {"LOGO": [0, 0, 0, 0, 1], "NINA": [0, 0, 0, 0, 1]}
    assert len((await nobody.ask("{ reviews { nodes { id } } }"))["reviews"]["nodes"]) == 1
    refused = await maria.do("createReview", order={"externalId": "ORDER-2"}, rating=5, body="Very good work.")  # fmt: skip
    assert [error["code"] for error in refused["errors"]] == [f"ORDER_{status}"]


async def test_a_reminder_is_promised_for_three_days_after_completion(send, at):
    at(NOON)

    await send(order(completedAt="2026-03-09T08:00:00Z"))

    assert await reminders() == [("MARIA", datetime(2026, 3, 12, 8, tzinfo=UTC))]
    notice = await Notification.get()
    assert (notice.kind, notice.created_at) == ("review.reminder", datetime(2026, 3, 12, 8, tzinfo=UTC))  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "settings_given"),
    [
        ({"status": "DELIVERED"}, {}),
        ({"status": "REFUNDED"}, {}),
        ({"remindersAllowed": False}, {}),
        ({"vendor": {"externalId": "MARIA", "displayName": "Maria"}}, {}),
        ({"completedAt": "2026-02-08T12:00:00Z"}, {}),
        ({}, {"reviewReminderDays": 31}),
        ({}, {"reviewReminderEnabled": False}),
    ],
)
async def test_no_reminder_is_promised(send, at, ada, changes, settings_given, stored):
    at(NOON)
    await ada.do("updateSettings", **settings_given)

    await send(order(**changes))

    assert await reminders() == []
    assert (await stored())["notification"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "REFUNDED"},
        {"status": "CANCELLED"},
        {"status": "DISPUTED"},
        {"status": "IN_PROGRESS", "completedAt": None},
        {"remindersAllowed": False},
    ],
)
async def test_a_reminder_is_withdrawn_with_its_notification_and_can_be_promised_again(
    send, at, changes, stored
):
    at(NOON)
    await send(order())

    await send(order(**changes))
    withdrawn = (await reminders(), (await stored())["notification"])
    await send(order(completedAt="2026-03-10T12:00:00Z"))

    assert withdrawn == ([], [])
    assert await reminders() == [("MARIA", datetime(2026, 3, 13, 12, tzinfo=UTC))]
    assert len((await stored())["notification"]) == 1


async def test_a_new_completion_moves_the_one_reminder(send, at, stored):
    at(NOON)
    await send(order(completedAt="2026-03-09T12:00:00Z"))

    await send(order(completedAt="2026-03-10T10:00:00Z"))

    assert await reminders() == [("MARIA", datetime(2026, 3, 13, 10, tzinfo=UTC))]
    assert len((await stored())["notification"]) == 1


async def test_the_reminder_goes_to_the_new_customer(send, at):
    at(NOON)
    await send(order())

    await send(order(customer={"externalId": "CARL", "displayName": "Carl"}))

    assert await reminders() == [("CARL", datetime(2026, 3, 13, 12, tzinfo=UTC))]


async def test_a_review_withdraws_the_reminder(send, at, maria, stored):
    at(NOON)
    await send(order())

    await maria.do(
        "createReview", order={"externalId": "ORDER-1"}, rating=5, body="Very good work."
    )

    assert await reminders() == []
    assert [row["kind"] for row in (await stored())["notification"]] == ["review.received"]


async def test_the_same_orders_from_many_feeds_at_once_are_stored_once(send):
    rows = [order(f"ORDER-{n}", customer={"externalId": f"C{n % 3}", "displayName": "C"}) for n in range(12)]  # fmt: skip

    answers = await asyncio.gather(*(send(*rows[shift:], *rows[:shift]) for shift in range(8)))

    assert all(not result["errors"] for answer in answers for result in answer)
    assert sum(outcomes(answer).count("CREATED") for answer in answers) == 12
    assert len(await sql.fetch("SELECT id FROM orders")) == 12
    assert len(await reminders()) == 0
    assert len(await sql.fetch("SELECT id FROM customer")) == 3


async def test_invisible_characters_are_removed_from_a_title(send):
    results = await send(
        order(service={"externalId": "LOGO", "title": "\u202eA\x00 logo\r\n for\tyou\u2028 "})
    )

    assert results[0]["order"]["service"]["title"] == "A logo for you"


async def test_a_completion_in_another_offset_is_the_same_instant(send):
    await send(order(completedAt="2026-03-10T12:00:00Z"))

    results = await send(order(completedAt="2026-03-10T14:00:00+02:00"))

    assert outcomes(results) == ["UNCHANGED"]


async def test_a_review_of_a_refunded_order_is_still_one_row(send, review):
    await review()

    for status in ("REFUNDED", "COMPLETED", "IN_PROGRESS", "COMPLETED"):
        await send(order(status=status))

    assert await Review.all().count() == 1


def test_times_in_this_file_are_past():
    assert datetime.fromisoformat(NOON) < datetime.now(UTC) - timedelta(days=2)


async def test_concurrent_edits_and_hand_overs_of_one_order_never_deadlock(
    send, review, maria, counters
):
    written = await review()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    people = [
        {"externalId": name, "displayName": name.title()}
        for name in ("CARL", "MARIA")
        for _ in (1, 2)
    ]

    await asyncio.gather(
        *(
            step
            for n in range(12)
            for step in (
                maria.do("editReview", reviewId=written["id"], rating=n % 5 + 1),
                send(order(customer=people[n % 4], completedAt=yesterday, handOver=True)),
            )
        )
    )

    stars = (await Review.get()).rating
    expected = [int(n == stars) for n in range(1, 6)]
    assert await counters() == {"LOGO": expected, "NINA": expected}


async def test_a_vendors_public_name_cannot_be_an_e_mail_address(feed, nobody):
    result = await feed(vendor={"externalId": "NINA", "displayName": "nina@example.com"})

    assert (result["outcome"], result["errors"]) == ("CREATED", [])
    query = '{ vendor(ref: {externalId: "NINA"}) { displayName } }'
    assert (await nobody.ask(query))["vendor"] == {"displayName": ""}
