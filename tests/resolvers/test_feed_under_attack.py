"""The feed under attack: a vendor's key that wants another's mails, reviews or customers."""

import asyncio
from datetime import timedelta

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Customer, Notification, Order, OutboxMail, Review, sql
from tests.resolvers.feeds import BOB, EVIL, GOOD, NOW, WILMA, ago, evils, order, outcomes
from tests.waiting import until_locked

SHILL = {"externalId": "SHILL", "displayName": "Sam Shill", "email": "shill@example.com"}
NOBODY = WILMA | {"displayName": "Nobody Special", "email": "attacker@example.com"}
NAMELESS = {"externalId": "WILMA", "displayName": "Wilma Witness"}


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


async def facts(external_id="WILMA"):
    row = await Customer.get(external_id=external_id)
    return row.display_name, row.email


async def address_of(external_id):
    stored = await Order.get(external_id=external_id).select_related("customer")
    return stored.address_of(stored.customer)


# Addresses of mails with links
async def test_an_address_sent_by_a_vendors_key_does_not_follow_an_order_to_another_vendor(
    send, evil_key
):
    """Evil guesses an order number and a customer; the marketplace sends no addresses."""
    await send(evils("ORDER-7", status="PENDING", completedAt=None, customer=NOBODY), by=evil_key)

    results = await send(order("ORDER-7", customer=NAMELESS))

    assert outcomes(results) == ["UPDATED"]
    assert await address_of("ORDER-7") is None


async def test_an_address_sent_by_a_vendors_key_for_one_customer_is_not_used_for_the_next(
    send, nina_key, evil_key
):
    await send(evils(customer=BOB), by=evil_key)
    await send(order(status="IN_PROGRESS", completedAt=None), by=nina_key)

    await send(order(customer={"externalId": "BOB", "displayName": "Bob Baker"}))

    assert await address_of("ORDER-1") != "wilma@example.com"


async def test_a_vendors_key_cannot_redirect_mails_of_the_marketplaces_order(send, nina_key):
    await send(order())

    await send(order(customer=NOBODY), by=nina_key)

    assert await address_of("ORDER-1") == "wilma@example.com"


async def test_a_vendors_key_cannot_rename_the_author_of_a_review_of_the_vendor(
    send, nina_key, wilma, nobody
):
    await send(order())
    await wilma.do(
        "createReview", order={"externalId": "ORDER-1"}, rating=1, body="It flickers a lot."
    )

    await send(order(customer=WILMA | {"displayName": "Paid Liar"}), by=nina_key)

    found = await nobody.ask("{ reviews { nodes { author { displayName } } } }")
    assert found["reviews"]["nodes"] == [{"author": {"displayName": "Wilma W."}}]


# Completed orders
async def test_a_vendors_key_cannot_reassign_a_completed_order_by_reverting_its_status(
    send, nina_key
):
    await send(order(completedAt=ago(days=60)))

    await send(order(status="IN_PROGRESS", completedAt=None), by=nina_key)
    results = await send(
        order(status="COMPLETED", completedAt=ago(hours=1), customer=SHILL), by=nina_key
    )

    assert outcomes(results) == ["FORBIDDEN"]


@pytest.mark.parametrize("reviewed", [False, True])
async def test_a_vendors_key_cannot_reopen_a_review_window(send, nina_key, wilma, at, reviewed):
    await send(order())
    review = None
    if reviewed:
        payload = await wilma.do(
            "createReview",
            "review { id }",
            order={"externalId": "ORDER-1"},
            rating=1,
            body="It flickers a lot.",
        )
        review = payload["review"]["id"]
    at(NOW + timedelta(days=60))

    await send(order(completedAt=(NOW + timedelta(days=59)).isoformat()), by=nina_key)

    if reviewed:
        payload = await wilma.do("editReview", reviewId=review, rating=5)
    else:
        payload = await wilma.do(
            "createReview",
            order={"externalId": "ORDER-1"},
            rating=5,
            body="Paid to say: very good.",
        )
    assert [error["code"] for error in payload["errors"]] == ["WINDOW_CLOSED"]


# Older rows
async def test_a_row_of_a_vendors_key_does_not_let_an_older_row_of_the_marketplace_win(
    send, nina_key
):
    await send(order(updatedAt=ago(hours=2)))
    await send(order(updatedAt=ago(hours=1)), by=nina_key)

    results = await send(order(status="IN_PROGRESS", completedAt=None, updatedAt=ago(hours=3)))

    assert outcomes(results) == ["STALE"]


async def test_a_row_of_a_vendors_key_does_not_let_older_facts_of_a_person_win(send, nina_key):
    await send(order(updatedAt=ago(hours=2)))
    await send(order(updatedAt=ago(hours=1)), by=nina_key)

    await send(order("ORDER-0", updatedAt=ago(days=300), customer=NOBODY))

    assert await facts() == ("Wilma Witness", "wilma@example.com")


async def test_a_file_without_names_removes_no_name(send, tmp_path, app):
    from candor.commands.importing import Source, import_orders

    await send(order("ORDER-1", completedAt=ago(days=9)))
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,status,completed_at,customer_id,vendor_id,vendor_name,service_id,service_title\n"
        f"ORDER-2,COMPLETED,{ago(days=2)},WILMA,NINA,Nina,LAMP,A lamp\n"
    )

    report = await import_orders(Source(path))

    assert report.failed == 0
    assert (await facts())[0] == "Wilma Witness"


# Concurrent writers
@pytest.fixture
def postgres_only(database):
    if database.startswith("sqlite"):
        pytest.skip("writers of SQLite take turns")


async def test_the_same_batch_twice_at_once_ends_with_its_last_row(send, postgres_only):
    ended = []
    for n in range(10):
        batch = [
            order(f"O-{n}", status="IN_PROGRESS", completedAt=None),
            order(f"O-{n}", status="COMPLETED"),
        ]
        await asyncio.gather(*(send(*batch) for _ in range(4)))
        ended.append((await Order.get(external_id=f"O-{n}")).status.value)

    assert ended == ["COMPLETED"] * 10


async def test_a_vendors_key_that_races_the_marketplace_changes_no_customer_of_another_vendor(
    send, evil_key, postgres_only
):
    ahead = (NOW + timedelta(minutes=5)).isoformat()
    broken = []
    for n in range(12):
        who = {"externalId": f"W-{n}"}
        await send(evils(f"E-{n}", customer=NOBODY | who), by=evil_key)
        shop = send(order(f"O-{n}", customer=WILMA | who, updatedAt=ago(minutes=1)))
        evil = [
            send(evils(f"E-{n}", customer=NOBODY | who, updatedAt=ahead), by=evil_key)
            for _ in range(4)
        ]
        await asyncio.gather(evil[0], shop, *evil[1:])
        if (await facts(f"W-{n}"))[0] != "Wilma Witness":
            broken.append(n)

    assert broken == []


async def test_two_vendors_keys_that_race_do_not_share_a_new_service(
    send, nina_key, evil_key, postgres_only
):
    """The first keeps it; never are both orders stored with one service."""
    broken = []
    for n in range(12):
        new = {"externalId": f"S-{n}", "title": "New"}
        first, second = await asyncio.gather(
            send(order(f"O-{n}", service=new), by=nina_key),
            send(evils(f"E-{n}", service=new), by=evil_key),
        )
        if outcomes(first + second) == ["CREATED", "CREATED"]:
            broken.append(n)

    assert broken == []


async def test_a_reply_during_a_hand_over_is_stored(send, wilma, nina, postgres_only):
    codes = []
    for n in range(10):
        await send(order(f"O-{n}"))
        payload = await wilma.do(
            "createReview",
            "review { id }",
            order={"externalId": f"O-{n}"},
            rating=1,
            body="It flickers a lot.",
        )
        _, replied = await asyncio.gather(
            send(order(f"O-{n}", customer=BOB, handOver=True)),
            nina.do("replyToReview", reviewId=payload["review"]["id"], body="Sorry for that."),
        )
        codes += [error["code"] for error in replied["errors"]]

    assert codes == []


async def test_a_solve_during_a_hand_over_leaves_the_old_customer_no_notification(
    send, sam, postgres_only
):
    for n in range(12):
        await send(order(f"O-{n}"))
        opened = await sam.do(
            "openUpdate", "orderUpdate { id }", order={"externalId": f"O-{n}"}, title="Where is it?"
        )
        await asyncio.gather(
            send(order(f"O-{n}", customer=BOB)),
            sam.do("solveUpdate", updateId=opened["orderUpdate"]["id"], notifyCustomer=True),
        )

    assert await Notification.filter(recipient="WILMA").count() == 0


async def test_hand_overs_in_any_order_never_deadlock(send, wilma, postgres_only):
    ids = []
    for n in range(8):
        await send(order(f"O-{n}"))
        payload = await wilma.do(
            "createReview",
            "review { id }",
            order={"externalId": f"O-{n}"},
            rating=1,
            body="It flickers a lot.",
        )
        ids.append(payload["review"]["id"])
    for turn in range(8):
        to = (BOB, WILMA)[turn % 2]
        rows = [order(f"O-{n}", customer=to, handOver=True) for n in range(8)]
        answers = await asyncio.gather(
            *(send(*each) for each in (rows, rows[::-1], rows[4:] + rows[:4]))
        )
        assert {code for answer in answers for code in outcomes(answer)} <= {"UPDATED", "UNCHANGED"}


# Mails
async def test_a_reminder_promised_again_has_the_right_recipient(send):
    await send(order())
    await send(order(customer=BOB))
    await send(order())

    mails = await OutboxMail.filter(mail="review.reminder", status="SCHEDULED")
    assert [(mail.recipient, mail.address) for mail in mails] == [("WILMA", "wilma@example.com")]


async def test_a_write_that_waited_for_the_marketplace_sees_its_order(
    send, evil_key, postgres_only, database
):
    """The marketplace's own statements, paused between the person and the order."""
    import asyncpg

    await send(evils(customer=NOBODY), by=evil_key)
    await send(order("OTHER", customer=BOB))
    connection = await asyncpg.connect(database.replace("postgres://", "postgresql://", 1))
    shop = connection.transaction()
    await shop.start()
    await connection.execute(
        "UPDATE customer SET display_name = $1, told_at = $2, told_by_partner = false,"
        " email_from = NULL WHERE external_id = 'WILMA'",
        "Wilma Witness",
        NOW - timedelta(minutes=1),
    )
    ahead = (NOW + timedelta(minutes=5)).isoformat()
    evil = asyncio.ensure_future(
        send(evils(customer=NOBODY | {"displayName": "Evil Again"}, updatedAt=ahead), by=evil_key)
    )
    await until_locked()
    await connection.execute(
        "INSERT INTO orders (id, external_id, status, reminders_allowed, customer_id, vendor_id,"
        " service_id, link_version, created_at) SELECT gen_random_uuid(), 'ORDER-1', status,"
        " true, (SELECT id FROM customer WHERE external_id = 'WILMA'), vendor_id, service_id, 1,"
        " created_at FROM orders WHERE external_id = 'OTHER'"
    )
    await shop.commit()
    await evil
    await connection.close()

    assert (await facts())[0] == "Wilma Witness"


NASTY = ["", " ", "\x00", "a\nb", "ﷺ" * 300, "x" * 100_000, "İ", "ß", "'; DROP", "0", "guest",
         "\u202e", "%s {0}", "a@b", "a@xn--a.com", "a@\u0660.com", "ß@straße.example", "https://[::1",
         "https://xn--/", "http://\uff41.com/", "de\x00", "zh_CN_#Hans", "x-" + "a-" * 40, "👩‍👩‍👧"]  # fmt: skip
TIMES = ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60Z", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00z",
         "1969-12-31T23:59:59Z", "2026-01-01", "", "2016-12-31T23:59:60Z", None]  # fmt: skip


@pytest.mark.parametrize("bound", [False, True])
async def test_no_input_causes_a_server_error(client, shop, evil_key, bound):
    by = evil_key if bound else shop
    places = [("externalId",), *[(k, "externalId") for k in ("customer", "vendor", "service")],
              *[(k, n) for k in ("customer", "vendor") for n in ("displayName", "email", "locale")],
              ("service", "title"), ("service", "url")]  # fmt: skip
    rows = []
    for place in places:
        for value in NASTY:
            row = evils(f"O-{len(rows)}")
            row = {k: dict(v) if isinstance(v, dict) else v for k, v in row.items()}
            (row if len(place) == 1 else row[place[0]])[place[-1]] = value
            rows.append(row)
    rows += [
        evils(f"O-{len(rows)}", **{name: value})
        for name in ("completedAt", "updatedAt")
        for value in TIMES
    ]
    for start in range(0, len(rows), 20):
        import json

        body = {"query": "mutation($o: [OrderInput!]!) { upsertOrders(input: {orders: $o}) { errors { code } "
                 "results { externalId outcome errors { code } }" + " } }", "variables": {"o": rows[start : start + 20]}}  # fmt: skip
        answer = await client.post(
            "/graphql",
            content=json.dumps(body),
            headers={"Authorization": f"Bearer {by.token}", "Content-Type": "application/json"},
        )
        assert "INTERNAL_SERVER_ERROR" not in answer.text, (start, answer.text[:300])
        assert answer.status_code == 200, (start, answer.text[:300])


def people_of(n):
    return {"externalId": f"P-{n}", "displayName": f"Per Son{n}", "email": f"p{n}@example.com"}


async def some_reviews(send, person):
    """Two reviews to start with, so that a slow machine has some too."""
    for v, vendor in enumerate((GOOD, EVIL)):
        service = {"externalId": f"S-{v}-0", "title": "T"}
        await send(order(f"B-{v}-0", vendor=vendor, service=service, customer=people_of(0)))
        author = person("customer", "P-0")
        await author.do("createReview", order={"externalId": f"B-{v}-0"}, rating=5, body="Very good work.")  # fmt: skip
    assert await Review.all().count() == 2


async def test_many_concurrent_writers_cause_no_error_and_leave_exact_counters(
    send, client, shop, nina_key, evil_key, person, nina, database
):
    import random

    from resolvers import rating_counters

    chance = random.Random(7)
    await some_reviews(send, person)
    people = [people_of(n) for n in range(5)]
    tokens = {each["externalId"]: person("customer", each["externalId"]) for each in people}
    vendors = [GOOD, EVIL]
    failures = []

    def row():
        v = chance.randrange(2)
        return order(
            f"B-{v}-{chance.randrange(8)}",
            vendor=vendors[v],
            service={"externalId": f"S-{v}-{chance.randrange(2)}", "title": "T"},
            customer=chance.choice(people) | {"displayName": f"Per Son{chance.randrange(99)}"},
            status=chance.choice(["COMPLETED"] * 6 + ["IN_PROGRESS", "REFUNDED"]),
            completedAt=None if chance.random() < 0.3 else ago(hours=chance.randrange(1, 200)),
            handOver=chance.random() < 0.7,
            **({"updatedAt": ago(minutes=chance.randrange(600))} if chance.random() < 0.4 else {}),
        )

    async def feeder(by):
        for _ in range(12):
            answer = await by.send(
                "mutation($i: UpsertOrdersInput!) { upsertOrders(input: $i) { results { outcome errors { code } } } }",
                {"i": {"orders": [row() for _ in range(12)]}},
            )
            if answer.status_code != 200 or "INTERNAL" in answer.text:
                failures.append(answer.text[:300])

    async def customer(who):
        for _ in range(40):
            kind = chance.randrange(4)
            if kind == 0:
                text = await who.send(
                    "mutation($i: CreateReviewInput!) { createReview(input: $i) { errors { code } } }",
                    {
                        "i": {
                            "order": {
                                "externalId": f"B-{chance.randrange(2)}-{chance.randrange(8)}"
                            },
                            "rating": chance.randrange(1, 6),
                            "body": "Quite a good thing.",
                        }
                    },
                )
            else:
                reviews = await Review.all()
                if not reviews:
                    await asyncio.sleep(0.01)
                    continue
                from schema import ids

                id = ids.encode("Review", chance.choice(reviews).id)
                name, type, more = [
                    ("voteHelpful", "VoteInput", {}),
                    ("withdrawVote", "VoteInput", {}),
                    ("editReview", "EditReviewInput", {"rating": chance.randrange(1, 6)}),
                ][kind - 1]
                text = await who.send(
                    f"mutation($i: {type}!) {{ {name}(input: $i) {{ errors {{ code }} }} }}",
                    {"i": {"reviewId": id, **more}},
                )
            if text.status_code != 200 or "INTERNAL" in text.text:
                failures.append(text.text[:300])

    await asyncio.gather(
        *(feeder(by) for by in (shop, shop, shop, nina_key, evil_key)),
        *(customer(who) for who in tokens.values()),
    )

    assert failures == []
    assert await rating_counters.drifts() == []
    wrong = await sql.fetch(
        "SELECT r.id FROM review r JOIN orders o ON o.id = r.order_id WHERE r.customer_id <> o.customer_id"
        " OR r.vendor_id <> o.vendor_id OR r.service_id <> o.service_id"
        " OR r.helpful_count <> (SELECT count(*) FROM review_vote x WHERE x.review_id = r.id)"
        " OR EXISTS (SELECT 1 FROM review_vote x JOIN customer c ON c.external_id = x.person"
        " WHERE x.review_id = r.id AND c.id = r.customer_id)"
    )
    assert wrong == []
    assert await Review.all().count() >= 2
    stray = await sql.fetch(
        "SELECT n.kind FROM notification n JOIN review r ON r.id = n.subject_id JOIN customer c ON"
        " c.id = r.customer_id WHERE n.audience = 'CUSTOMER' AND n.recipient <> c.external_id"
    )
    assert stray == []


@pytest.mark.parametrize("act", ["reply", "vote", "reject"])
async def test_a_write_that_waited_for_a_hand_over_still_finds_the_review(
    send, wilma, nina, carl, ada, postgres_only, database, act
):
    """The hand-over's statement, not committed until the other write waits for its lock."""
    import asyncpg

    await send(order(), order("OTHER", customer=BOB))
    payload = await wilma.do(
        "createReview",
        "review { id }",
        order={"externalId": "ORDER-1"},
        rating=1,
        body="It flickers a lot.",
    )
    review = payload["review"]["id"]
    connection = await asyncpg.connect(database.replace("postgres://", "postgresql://", 1))
    shop = connection.transaction()
    await shop.start()
    await connection.execute(
        "UPDATE review SET customer_id = (SELECT id FROM customer WHERE external_id = 'BOB')"
    )
    acts = {
        "reply": lambda: nina.do("replyToReview", reviewId=review, body="Sorry for that."),
        "vote": lambda: carl.do("voteHelpful", reviewId=review),
        "reject": lambda: ada.do("rejectReview", reviewId=review, reason="SPAM"),
    }
    acted = asyncio.ensure_future(acts[act]())
    await until_locked()
    await shop.commit()
    await connection.close()

    assert (await acted)["errors"] == []


async def test_an_import_of_reviews_during_a_hand_over_stores_them_for_the_orders_customer(
    send, tmp_path, monkeypatch, postgres_only
):
    import contextvars

    from candor.commands.importing import Source, import_reviews
    from resolvers import reviews

    await send(order())
    path = tmp_path / "reviews.csv"
    path.write_text(f"order_id,rating,body,created_at\nORDER-1,1,It flickers.,{ago(hours=3)}\n")
    insert, feeds = reviews.insert, []

    async def late(review):
        moved = asyncio.get_running_loop().create_task(
            send(order(customer=BOB)), context=contextvars.Context()
        )
        feeds.append(moved)
        # The feed has finished, or it waits for a lock of this import.
        await asyncio.wait([moved, asyncio.ensure_future(until_locked())], return_when="FIRST_COMPLETED")  # fmt: skip
        return await insert(review)

    monkeypatch.setattr(reviews, "insert", late)
    report = await import_reviews(Source(path))
    await asyncio.gather(*feeds)

    assert report.failed == 0
    wrong = await sql.fetch(
        "SELECT r.id FROM review r JOIN orders o ON o.id = r.order_id WHERE r.customer_id <> o.customer_id"
    )
    assert wrong == []


async def test_the_log_names_no_key_whose_change_lost_a_race(
    send, evil_key, postgres_only, database
):
    import asyncpg

    await send(evils(customer=WILMA), by=evil_key)
    connection = await asyncpg.connect(database.replace("postgres://", "postgresql://", 1))
    shop = connection.transaction()
    await shop.start()
    await connection.execute(
        "UPDATE customer SET display_name = 'Wilma Renamed', told_at = $1, told_by_partner = false"
        " WHERE external_id = 'WILMA'",
        NOW,
    )
    evil = asyncio.ensure_future(send(evils(customer=NOBODY, updatedAt=ago(hours=5)), by=evil_key))
    await until_locked()
    await shop.commit()
    await evil
    await connection.close()

    assert (await facts())[0] == "Wilma Renamed"
    assert await sql.fetch("SELECT actor FROM tracking_event WHERE kind = 'person.changed'") == []


async def test_an_older_file_does_not_undo_a_newer_feed(send, tmp_path):
    from candor.commands.importing import Source, import_orders

    await send(order(status="REFUNDED", updatedAt=ago(hours=1)))
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,status,completed_at,customer_id,customer_name,vendor_id,vendor_name,service_id,service_title\n"
        f"ORDER-1,COMPLETED,{ago(days=1)},WILMA,Wilma Witness,NINA,Nina,LAMP,A lamp\n"
    )

    await import_orders(Source(path))

    assert (await Order.get(external_id="ORDER-1")).status.value == "REFUNDED"


async def test_a_hand_over_invalidates_links_to_updates_and_open_forms(send, sam, client, settings):
    from models import OrderUpdate

    await send(order())
    opened = await sam.do(
        "openUpdate", "orderUpdate { id }", order={"externalId": "ORDER-1"}, title="Where is it?"
    )
    await sam.do("solveUpdate", updateId=opened["orderUpdate"]["id"], notifyCustomer=True)
    row, update = await Order.get(), await OrderUpdate.get()
    rate = sign(
        settings.secret, Claim(Purpose.RATE_UPDATE, update.id, version=row.link_version, number=1)
    )
    review = sign(settings.secret, Claim(Purpose.REVIEW, row.id, version=row.link_version))

    async def tried():
        found = []
        for token in (rate, review):
            body = {"query": "{ __typename viewer { role } }"}
            headers = {"Authorization": f"Bearer {token}"}
            found.append((await client.post("/graphql", json=body, headers=headers)).status_code)
        form = await client.post(f"/r/{review}", data={"rating": "1", "body": "It flickers a lot."})
        rated = await client.post(f"/u/{rate}", data={"stars": "1"})
        return [*found, form.status_code, rated.status_code]

    await send(order(customer=BOB))

    assert await tried() == [401, 401, 404, 404]
    assert await Review.all().count() == 0
    assert (await OrderUpdate.get()).status.value != "CLOSED"
