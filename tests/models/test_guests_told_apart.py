"""The migration that splits customers without an account, who were stored as one person."""

import asyncio
import uuid

import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models import sql
from models.database import configuration, opened
from models.migrating import migrate

BEFORE = "0004_mail_attempts"
T = "2026-01-01 00:00:00+00:00"
IDS = {
    name: str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    for name in (
        *("vendor", "service", "zero", "guest", "maria", "reply", "thread"),
        *("ORDER-1", "ORDER-2", "ORDER-3", "ORDER-4", "O" * 200),
        *("review 1", "update 2", "reminder", "notice 1", "notice 2", "notice of nothing"),
    )
}


def _insert(table, **row):
    values = ", ".join(
        "NULL" if value is None else str(value) if isinstance(value, bool | int) else f"'{value}'"
        for value in row.values()
    )
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"


def _customer(id, external_id, name, email):
    return _insert("customer", id=IDS[id], external_id=external_id, display_name=name, email=email,
                   created_at=T)  # fmt: skip


def _order(id, customer):
    return _insert("orders", id=IDS[id], external_id=id, status="COMPLETED", completed_at=T,
                   reminders_allowed=True, customer_id=IDS[customer], vendor_id=IDS["vendor"],
                   service_id=IDS["service"], link_version=1, created_at=T)  # fmt: skip


def _notice(id, recipient, subject):
    return _insert("notification", id=IDS[id], audience="CUSTOMER", recipient=recipient,
                   kind="review.replied", event_key=id, subject_type="Review",
                   subject_id=IDS[subject], created_at=T)  # fmt: skip


STORED = [
    _insert("vendor", id=IDS["vendor"], external_id="NINA", display_name="Nina", created_at=T),
    _insert("service", id=IDS["service"], external_id="LOGO", vendor_id=IDS["vendor"], title="A",
            title_folded="a", created_at=T),
    _customer("zero", "0", "Ivo Third", "ivo@example.com"),
    _customer("guest", "Guest", "Greta Alone", "greta@example.com"),
    _customer("maria", "MARIA", "Maria Souza", "maria@example.com"),
    *(_order(id, "zero") for id in ("ORDER-1", "ORDER-2", "O" * 200)),
    _order("ORDER-3", "guest"),
    _order("ORDER-4", "maria"),
    _insert("review", id=IDS["review 1"], order_id=IDS["ORDER-1"], service_id=IDS["service"],
            vendor_id=IDS["vendor"], customer_id=IDS["zero"], rating=5, body="B", body_folded="b",
            verified=True, status="APPROVED", created_at=T, helpful_count=0,
            idempotency_key="K", idempotency_digest="D"),
    _insert("order_update", id=IDS["update 2"], order_id=IDS["ORDER-2"], title="T", status="OPEN",
            customer_visible=True, solves=0, created_at=T, team_activity_at=T,
            customer_activity_at=T),
    _notice("notice 1", "0", "review 1"),
    _notice("notice 2", "0", "update 2"),
    _notice("notice of nothing", "0", "maria"),
    _insert("outbox_mail", id=IDS["reminder"], mail="review.reminder", dedupe_key="k",
            audience="CUSTOMER", recipient="0", address="ivo@example.com", subject_type="Order",
            subject_id=IDS["ORDER-2"], params="{}", status="SCHEDULED", due_at=1, attempts=0,
            ambiguous=0, in_data=False, created_at=1),
]  # fmt: skip


async def _as_before(url):
    """A database of the previous version with such customers."""
    async with TortoiseContext():
        await run_migrations(config=configuration(url), target=f"models.{BEFORE}")
    async with opened(url):
        for statement in STORED:
            await sql.execute(statement)


@pytest.fixture
def database(empty_database):
    return empty_database


def test_guests_become_one_customer_per_order_and_share_nothing(database):
    asyncio.run(_as_before(database))

    asyncio.run(migrate(database))

    asyncio.run(_check(database))


async def _check(database):
    long = "O" * 200
    async with opened(database):
        orders = await sql.fetch(
            "SELECT o.external_id, o.link_version, o.fed, c.external_id AS customer,"
            " c.display_name, c.email FROM orders o JOIN customer c ON c.id = o.customer_id"
        )
        by_order = {row["external_id"]: tuple(row.values())[1:] for row in orders}
        hashed = by_order[long][2]
        assert by_order == {
            "ORDER-1": (2, False, "guest:ORDER-1", "", None),
            "ORDER-2": (2, False, "guest:ORDER-2", "", None),
            long: (2, False, hashed, "", None),
            "ORDER-3": (1, False, "guest:ORDER-3", "Greta Alone", "greta@example.com"),
            "ORDER-4": (1, False, "MARIA", "Maria Souza", "maria@example.com"),
        }
        assert hashed.startswith("guest:")
        assert len(hashed) == len("guest:") + 64
        assert len(await sql.fetch("SELECT id FROM customer")) == 5
        review = (await sql.fetch("SELECT c.external_id, r.idempotency_key FROM review r JOIN customer c ON c.id = r.customer_id"))  # fmt: skip
        assert [tuple(row.values()) for row in review] == [("guest:ORDER-1", None)]
        notices = await sql.fetch("SELECT event_key, recipient FROM notification")
        assert {row["event_key"]: row["recipient"] for row in notices} == {
            "notice 1": "guest:ORDER-1",
            "notice 2": "guest:ORDER-2",
            "notice of nothing": "guest:",
        }
        mails = await sql.fetch("SELECT recipient, address FROM outbox_mail")
        assert mails == [{"recipient": "guest:ORDER-2", "address": None}]


def _execute(database, *statements):
    async def run():
        async with opened(database):
            for statement in statements:
                await sql.execute(statement)

    asyncio.run(run())


def test_a_customer_who_has_the_id_of_a_guest_already_is_the_buyer(database):
    asyncio.run(_as_before(database))
    taken = _insert("customer", id=str(uuid.uuid4()), external_id="guest:ORDER-1", display_name="G",
                    created_at=T)  # fmt: skip
    _execute(database, taken)

    asyncio.run(migrate(database))

    assert asyncio.run(_customer_of(database, "ORDER-1")) == ("guest:ORDER-1", "G")


def test_a_review_follows_its_order_to_another_customer(database):
    asyncio.run(_as_before(database))
    theirs = f"UPDATE orders SET customer_id = '{IDS['maria']}' WHERE external_id = 'ORDER-1'"
    _execute(database, theirs)

    asyncio.run(migrate(database))

    assert asyncio.run(_customer_of(database, "ORDER-1")) == ("MARIA", "Maria Souza")


async def _customer_of(database, order):
    """The customer of an order, who must also be its review's."""
    async with opened(database):
        rows = await sql.fetch(
            "SELECT c.external_id, c.display_name FROM orders o JOIN customer c"
            " ON c.id = o.customer_id JOIN review r ON r.order_id = o.id"
            " AND r.customer_id = c.id WHERE o.external_id = ?",
            order,
        )
        return tuple(rows[0].values())


def test_the_time_for_the_orders_of_one_guest_grows_linearly(database):
    asyncio.run(_as_before(database))
    many = [
        "INSERT INTO orders (id, external_id, status, reminders_allowed, customer_id, vendor_id,"
        " service_id, link_version, created_at) VALUES "
        + ", ".join(
            f"('{n:08d}-0000-4000-8000-000000000000', 'M-{n}', 'COMPLETED', true, '{IDS['zero']}',"
            f" '{IDS['vendor']}', '{IDS['service']}', 1, '{T}')"
            for n in range(start, start + 1_000)
        )
        for start in range(0, 40_000, 1_000)
    ]
    _execute(database, *many)

    # Quadratic time would be minutes.
    asyncio.run(asyncio.wait_for(migrate(database), 60))
