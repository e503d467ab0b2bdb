"""Feeds, imports, hand-overs and people at the same time leave consistent rows."""

import asyncio
from datetime import timedelta

import pytest

from models import Notification, Order, sql
from tests.resolvers.feeds import BOB, NOBODY, NOW, WILMA, ago, evils, facts, order, outcomes
from tests.waiting import until_locked


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


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

    from candor.imports.importing import Source, import_reviews
    from resolvers import reviews

    await send(order())
    path = tmp_path / "reviews.csv"
    path.write_text(f"order_id,rating,body,created_at\nORDER-1,1,It flickers.,{ago(hours=3)}\n")
    insert_all, feeds = reviews.insert_all, []

    async def late(new):
        moved = asyncio.get_running_loop().create_task(
            send(order(customer=BOB)), context=contextvars.Context()
        )
        feeds.append(moved)
        # The feed has finished, or it waits for a lock of this import.
        await asyncio.wait([moved, asyncio.ensure_future(until_locked())], return_when="FIRST_COMPLETED")  # fmt: skip
        return await insert_all(new)

    monkeypatch.setattr(reviews, "insert_all", late)
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
