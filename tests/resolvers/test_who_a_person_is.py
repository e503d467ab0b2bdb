"""Which key may change which person, order and review."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Customer, Notification, Order, OutboxMail, Review, sql
from tests.resolvers.feeds import (
    BOB,
    EVIL,
    GOOD,
    LAMP,
    NOW,
    THING,
    WILMA,
    ago,
    evils,
    order,
    outcomes,
)

NOBODY = WILMA | {"displayName": "Nobody Special", "email": "attacker@example.com", "locale": "fi"}


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


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


def places(result, what="errors"):
    """The paths of the errors or warnings, within the row."""
    return [".".join(error["field"][3:]) for error in result[what]]


async def facts(external_id="WILMA"):
    row = await Customer.get(external_id=external_id)
    return row.display_name, row.email, row.locale


async def shown_author(nobody):
    found = await nobody.ask("{ reviews { nodes { author { displayName } } } }")
    return [node["author"]["displayName"] for node in found["reviews"]["nodes"]]


# Keys bound to a vendor


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


# Orders that change hands


async def test_a_reviewed_order_changes_its_customer_only_by_a_hand_over(
    send, write, stored, nobody
):
    await send(order())
    await write()
    before = await stored()

    results = await send(order(customer=BOB))

    assert outcomes(results) == ["CONFLICT"]
    assert places(results[0]) == ["customer.externalId"]
    assert await stored() == before
    assert await shown_author(nobody) == ["Wilma W."]


async def test_nobody_is_handed_a_review_of_their_own_service(send, write, stored):
    await send(order())
    await write()
    before = await stored()

    results = await send(order(customer=GOOD, handOver=True))

    assert outcomes(results) == ["CONFLICT"]
    assert await stored() == before


async def test_a_hand_over_moves_the_review_notifications_and_mails_to_the_new_customer(
    send, write, person, wilma, nina, nobody, log
):
    bob = person("customer", "BOB")
    await send(order())
    written = await write()
    await bob.do("voteHelpful", reviewId=written)
    carl = person("customer", "CARL")
    await carl.do("voteHelpful", reviewId=written)
    await nina.do("replyToReview", reviewId=written, body="We send you another one.")

    results = await send(order(customer=BOB, handOver=True))

    assert outcomes(results) == ["UPDATED"]
    review = (await nobody.ask("{ reviews { nodes { author { displayName } helpfulCount } } }"))[
        "reviews"
    ]["nodes"]
    assert review == [{"author": {"displayName": "Bob B."}, "helpfulCount": 1}]
    inbox = "{ viewer { notifications { nodes { kind } } } }"
    assert (await wilma.ask(inbox))["viewer"]["notifications"]["nodes"] == []
    assert [n["kind"] for n in (await bob.ask(inbox))["viewer"]["notifications"]["nodes"]] == [
        "REVIEW_REPLIED"
    ]
    promised = await OutboxMail.filter(audience="CUSTOMER", status="SCHEDULED")
    assert [(m.mail, m.recipient, m.address) for m in promised] == [
        ("review.replied", "BOB", "bob@example.com")
    ]
    assert await log() == [("ORDER_HANDED_OVER", "shop", {"from": "WILMA", "to": "BOB"})]
    edited = await bob.do("editReview", "review { rating }", reviewId=written, rating=4)
    assert edited == {"review": {"rating": 4}, "errors": []}
    refused = await wilma.do("editReview", reviewId=written, rating=5)
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]


async def test_a_hand_over_revokes_a_workers_claim_on_a_mail(send, write, nina):
    await send(order())
    written = await write()
    await nina.do("replyToReview", reviewId=written, body="We send you another one.")
    held = {"status": "SENDING", "lease_token": "T", "lease_until": 1}
    await OutboxMail.filter(mail="review.replied").update(**held)

    await send(order(customer=BOB, handOver=True))

    mail = await OutboxMail.get(mail="review.replied")
    assert (mail.status, mail.lease_token, mail.recipient) == ("SCHEDULED", None, "BOB")


@pytest.mark.parametrize("reviewed", [False, True])
async def test_a_hand_over_invalidates_all_old_links(send, write, client, settings, reviewed, log):
    await send(order())
    if reviewed:
        await write()
    row = await Order.get(external_id="ORDER-1")
    token = sign(settings.secret, Claim(Purpose.REVIEW, row.id, version=row.link_version))

    async def asked():
        query = '{ order(ref: {externalId: "ORDER-1"}) { externalId } }'
        page = await client.get(f"/r/{token}")
        headers = {"Authorization": f"Bearer {token}"}
        api = await client.post("/graphql", json={"query": query}, headers=headers)
        return page.status_code, api.status_code

    before = await asked()
    await send(order(customer=BOB, handOver=reviewed))

    assert (before, await asked()) == ((200, 200), (404, 401))
    forged = await client.get(f"/r/{'A' * len(token)}")
    assert (await client.get(f"/r/{token}")).text == forged.text
    assert [entry[::2] for entry in await log()] == [
        ("ORDER_HANDED_OVER", {"from": "WILMA", "to": "BOB"})
    ]


async def test_any_key_may_change_the_customer_of_an_unreviewed_order_before_completion(
    send, nina_key, wilma, person
):
    await send(order(status="IN_PROGRESS", completedAt=None))

    first = await send(order(status="DELIVERED", completedAt=None, customer=BOB), by=nina_key)
    second = await send(order(customer=WILMA))

    assert outcomes(first + second) == ["UPDATED", "UPDATED"]
    query = '{ order(ref: {externalId: "ORDER-1"}) { externalId } }'
    assert (await wilma.ask(query))["order"] == {"externalId": "ORDER-1"}
    assert (await person("customer", "BOB").ask(query))["order"] is None


async def test_a_reused_order_number_does_not_hand_over_a_review(send, write, nobody):
    await send(order("#1001"))
    await write("#1001")

    results = await send(order("#1001", customer=BOB, completedAt=ago(hours=1)))

    assert outcomes(results) == ["CONFLICT"]
    assert await shown_author(nobody) == ["Wilma W."]


async def test_a_concurrent_vote_and_hand_over_leave_no_vote_for_ones_own_review(
    send, write, person
):
    bob = person("customer", "BOB")
    await send(order())
    written = await write()

    for turn in range(6):
        to = (BOB, WILMA)[turn % 2]
        await asyncio.gather(
            bob.do("voteHelpful", reviewId=written), send(order(customer=to, handOver=True))
        )
        review = await Review.get()
        owner = await Customer.get(id=review.customer_id)
        votes = [row["person"] for row in await sql.fetch("SELECT person FROM review_vote")]
        assert owner.external_id not in votes
        assert review.helpful_count == len(votes)


# Dates of rows


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


async def test_rows_of_a_vendors_key_never_make_rows_of_the_marketplace_stale(send, nina_key):
    ahead = (NOW + timedelta(minutes=5)).isoformat()
    await send(order(status="DELIVERED", completedAt=None, updatedAt=ahead), by=nina_key)

    first = await send(order(updatedAt=ago(hours=1), customer=WILMA | {"displayName": "Wilma W"}))
    late = await send(order(status="REFUNDED", updatedAt=ago(hours=2)), by=nina_key)

    assert outcomes(first + late) == ["UPDATED", "STALE"]
    assert (await facts())[0] == "Wilma W"


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


# Placeholder ids


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


# Services


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


# Every column that the feed writes

# For each column: a change, its table, and the result: stored, kept as it was, or the row refused.
# Results are for the marketplace's key, then the vendor's; each first for a customer sent by that
# key alone, then for one with an order of another vendor.
STORED, KEPT, REFUSED = "stored", "kept", "refused"
COLUMNS = {
    "status": ({"status": "CANCELLED"}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "completed_at": ({"completedAt": ago(hours=3)}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "reminders_allowed": ({"remindersAllowed": False}, "orders", (STORED,) * 4),
    "customer_id": ({"customer": BOB}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "service_id": ({"service": LAMP | {"externalId": "LAMP-2"}}, "orders", (STORED, STORED, REFUSED, REFUSED)),
    "updated_at": ({"updatedAt": ago(minutes=1)}, "orders", (STORED,) * 4),
    "display_name": ({"customer": WILMA | {"displayName": "W"}}, "customer", (STORED, STORED, STORED, KEPT)),
    "email": ({"customer": WILMA | {"email": "w@example.com"}}, "customer", (STORED, STORED, STORED, KEPT)),
    "locale": ({"customer": WILMA | {"locale": "fi"}}, "customer", (STORED, STORED, STORED, KEPT)),
    "vendor display_name": ({"vendor": GOOD | {"displayName": "N"}}, "vendor", (STORED,) * 4),
    "vendor email": ({"vendor": GOOD | {"email": "n@example.com"}}, "vendor", (STORED,) * 4),
    "vendor locale": ({"vendor": GOOD | {"locale": "fi"}}, "vendor", (STORED,) * 4),
    "title": ({"service": LAMP | {"title": "L"}}, "service", (STORED,) * 4),
    "url": ({"service": LAMP | {"url": "https://l.example"}}, "service", (STORED,) * 4),
}  # fmt: skip
# Columns about the feed itself, and columns derived from others.
BESIDE = {
    "orders": {"id", "external_id", "created_at", "link_version", "vendor_id", "fed",
               "updated_by_partner", "contact_email"},
    "customer": {"id", "external_id", "created_at", "told_at", "told_by_partner", "email_from"},
    "vendor": {"id", "external_id", "created_at", "told_at", "told_by_partner"},
    "service": {"id", "external_id", "created_at", "told_at", "told_by_partner", "title_folded",
                "vendor_id"},
}  # fmt: skip


async def test_the_table_names_every_column_that_the_feed_writes(send, stored):
    await send(order())
    rows = await stored()

    for table, beside in BESIDE.items():
        listed = {name.split()[-1] for name, (_, where, _) in COLUMNS.items() if where == table}
        assert listed | beside == set(rows[table][0])


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("case", range(4))
async def test_which_key_may_write_which_column(send, nina_key, evil_key, stored, column, case):
    changes, table, expected = COLUMNS[column]
    bound, shared = case >= 2, case % 2 == 1
    await send(order(), by=nina_key if bound and not shared else None)
    if shared:
        await send(evils(completedAt=ago(days=2)))
    rows = {"orders": "ORDER-1", "customer": "WILMA", "vendor": "NINA", "service": "LAMP"}
    name, key = column.split()[-1], rows[table]

    async def value():
        [row] = [row for row in (await stored())[table] if row["external_id"] == key]
        return row[name]

    before, all_before = await value(), await stored()
    results = await send(order(**changes), by=nina_key if bound else None)

    fate = expected[case]
    assert outcomes(results) == (["FORBIDDEN"] if fate == REFUSED else [results[0]["outcome"]])
    assert (await value() != before) == (fate == STORED)
    if fate == REFUSED:
        assert await stored() == all_before


# Decorations

BAD = {
    "customer.email": [
        {"customer": WILMA | {"email": address}}
        for address in ("maria@", "taro..y@docomo.ne.jp", '"john doe"@example.com', "not given",
                        "maria@localhost", "a@b.cd, e@f.gh", "a@b.cd\nBcc: x@y.zz")
    ],
    "customer.locale": [{"customer": WILMA | {"locale": "de;DROP"}}],
    "customer.displayName": [{"customer": WILMA | {"displayName": "W" * 201}}],
    "vendor.email": [{"vendor": GOOD | {"email": "nina@"}}],
    "vendor.displayName": [
        {"vendor": GOOD | {"displayName": name}} for name in (" ", "nina@example.com", "N" * 201)
    ],
    "service.url": [{"service": LAMP | {"url": "javascript:alert(1)"}}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("place", "changes"), [(place, row) for place, rows in BAD.items() for row in rows]
)
@pytest.mark.parametrize("known", [False, True])
async def test_a_bad_decoration_never_refuses_the_order(send, stored, place, changes, known):
    if known:
        await send(
            order(
                "ORDER-0",
                service=LAMP | {"url": "https://l.example"},
                customer=WILMA | {"locale": "de"},
            )
        )
    before = await stored()

    results = await send(order("ORDER-1", **changes))

    assert outcomes(results) == ["CREATED"]
    assert results[0]["errors"] == []
    assert [(w["code"], w["field"]) for w in results[0]["warnings"]] == [
        ("INVALID", ["input", "orders", "0", *place.split(".")])
    ]
    assert results[0]["warnings"][0]["message"]
    after = await stored()
    table, name = place.split(".")
    column = {"displayName": "display_name"}.get(name, name)
    [row] = after[table]
    assert row[column] == (before[table][0][column] if known else {"displayName": ""}.get(name))


async def test_a_refused_row_has_errors_and_no_warnings(send, stored):
    before = await stored()

    results = await send(order("", customer=WILMA | {"email": "maria@"}))

    assert (outcomes(results), results[0]["warnings"]) == (["INVALID"], [])
    assert await stored() == before


async def test_only_keys_may_feed_orders(client, wilma, stored):
    before = await stored()
    body = {
        "query": "mutation($o: [OrderInput!]!) { upsertOrders(input: {orders: $o}) { errors { code } results { externalId } } }",
        "variables": {"o": [order(handOver=True, updatedAt=ago(hours=1))]},
    }

    answer: httpx.Response = await client.post("/graphql", json=body)
    refused = await wilma.do("upsertOrders", orders=[order(handOver=True)])

    assert answer.json()["data"]["upsertOrders"] == {
        "errors": [{"code": "UNAUTHENTICATED"}],
        "results": [],
    }
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]
    assert await stored() == before
    assert await Notification.all().count() == 0
