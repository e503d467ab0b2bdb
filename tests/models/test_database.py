"""Both databases: equal indexes and constraints, concurrent migrations, cancelled transactions."""

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from tortoise.migrations.autodetector import MigrationAutodetector

from models import RatingCounter, Vendor, sql
from models.database import configuration, opened, transaction
from models.indexes import INDEXES
from models.migrating import migrate, pending
from models.uuid7 import uuid7

ROOT = Path(__file__).parents[2]
CHECKS = {
    "ck_outbox_mail_lease",
    "ck_rating_counter",
    "ck_review_communication",
    "ck_review_helpful_count",
    "ck_review_quality",
    "ck_review_rating",
    "ck_review_reply",
    "ck_review_value",
}
NAMED = {
    "ix_notification_inbox",
    "ix_notification_subject",
    "ix_notification_unread",
    "ix_orders_customer",
    "ix_orders_service",
    "ix_orders_vendor",
    "ix_outbox_mail_about",
    "ix_outbox_mail_due",
    "ix_outbox_mail_lease",
    "ix_outbox_mail_newest",
    "ix_outbox_mail_unsent",
    "ix_review_own_hidden",
    "ix_review_revision_review",
    "ix_review_service_hidden",
    "ix_review_service_newest",
    "ix_review_service_rating",
    "ix_review_service_voted",
    "ix_review_site_hidden",
    "ix_review_site_newest",
    "ix_review_site_rating",
    "ix_review_site_voted",
    "ix_review_vendor_answered",
    "ix_review_vendor_hidden",
    "ix_review_vendor_rating",
    "ix_review_vendor_unanswered",
    "ix_review_vendor_voted",
    "ix_service_newest",
    "ix_service_title",
    "ix_service_vendor",
    "ix_tracking_event_newest",
    "ix_tracking_event_order",
    "ix_tracking_event_subject",
    "uq_review_idempotency_key",
    "uq_review_order",
    "uq_review_vote",
}
UNIQUE_COLUMNS = {
    ("api_key", "digest"),
    ("api_key", "name"),
    ("customer", "external_id"),
    ("notification", "event_key"),
    ("orders", "external_id"),
    ("outbox_mail", "dedupe_key"),
    ("service", "external_id"),
    ("vendor", "external_id"),
}


def test_the_list_of_indexes_has_the_ones_named_here():
    assert set(INDEXES) >= NAMED


async def test_both_databases_have_the_indexes_and_constraints_of_the_list(database):
    async with opened(database):
        if sql.is_postgres():
            indexes = {r["n"] for r in await sql.fetch("SELECT indexname AS n FROM pg_indexes WHERE schemaname = 'public'")}  # fmt: skip
            checks = {r["n"] for r in await sql.fetch("SELECT conname AS n FROM pg_constraint WHERE contype = 'c' AND connamespace = 'public'::regnamespace")}  # fmt: skip
            unique = {(r["t"], r["c"]) for r in await sql.fetch("SELECT c.relname AS t, a.attname AS c FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indisunique AND i.indnatts = 1 AND NOT i.indisprimary AND i.indpred IS NULL")}  # fmt: skip
        else:
            rows = await sql.fetch("SELECT type, name AS n, tbl_name AS t, sql AS ddl FROM sqlite_master")  # fmt: skip
            indexes = {row["n"] for row in rows if row["type"] == "index"}
            text = " ".join(row["ddl"] or "" for row in rows if row["type"] == "table")
            checks = {name for name in CHECKS if f'"{name}"' in text or f" {name} " in text}
            unique = set()
            for table in {row["t"] for row in rows}:
                for index in await sql.fetch(f'PRAGMA index_list("{table}")'):
                    columns = await sql.fetch(f'PRAGMA index_info("{index["name"]}")')
                    if index["unique"] and index["origin"] == "u" and len(columns) == 1:
                        unique.add((table, columns[0]["name"]))

    assert {name for name in indexes if name.startswith(("ix_", "uq_"))} == set(INDEXES)
    assert checks >= CHECKS
    assert unique >= UNIQUE_COLUMNS


BROKEN = [
    "UPDATE review SET rating = 6",
    "UPDATE review SET rating = 0",
    "UPDATE review SET communication = 6",
    "UPDATE review SET quality = 0",
    'UPDATE review SET "value" = 9',
    "UPDATE review SET helpful_count = -1",
    "UPDATE review SET reply_body = 'x'",
    "UPDATE rating_counter SET n1 = -1",
    "UPDATE rating_counter SET value_count = -1",
    "UPDATE outbox_mail SET status = 'SENDING'",
    "DELETE FROM orders",
    "DELETE FROM service",
    "DELETE FROM vendor",
    "DELETE FROM customer",
]


async def test_the_database_itself_refuses_impossible_values(review, stored):
    await review()
    before = await stored()

    for statement in BROKEN:
        with pytest.raises(Exception, match=r"(?i)constraint"):
            await sql.execute(statement)

    assert await stored() == before


async def test_makemigrations_would_find_nothing(database):
    async with opened(database) as context:
        assert await pending(database) == []
        detector = MigrationAutodetector(context.apps, configuration(database)["apps"])
        changes = await detector.changes()

    assert changes == []


MIGRATE = (
    "import asyncio, sys; from models.migrating import migrate; asyncio.run(migrate(sys.argv[1]))"
)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_four_processes_that_migrate_at_once_all_succeed(kind, tmp_path, request):
    if kind == "sqlite":
        url = f"sqlite://{tmp_path / 'fresh.sqlite3'}"
    else:
        server = request.getfixturevalue("postgres_server")
        name = f"fresh_{uuid7().hex}"
        asyncio.run(_on_postgres(server, f'CREATE DATABASE "{name}"'))
        url = server.format(database=name)

    processes = [
        subprocess.Popen([sys.executable, "-c", MIGRATE, url], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1].decode() for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, errors
    asyncio.run(_is_migrated(url))


async def _is_migrated(url):
    async with opened(url):
        assert await pending(url) == []
        assert await sql.fetch("SELECT id FROM review") == []


async def _on_postgres(server, statement):
    url = server.format(database="postgres").replace("postgres://", "postgresql://", 1)
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def test_migrating_again_keeps_rows_and_creates_a_missing_index(database):
    async with opened(database):
        await Vendor.create(external_id="V", display_name="V", created_at="2026-01-01T00:00:00Z")
        await sql.execute("DROP INDEX ix_service_title")

    await asyncio.to_thread(asyncio.run, migrate(database))

    async with opened(database):
        assert await Vendor.all().count() == 1
        query = "SELECT indexname AS n FROM pg_indexes" if sql.is_postgres() else "SELECT name AS n FROM sqlite_master"  # fmt: skip
        assert "ix_service_title" in {row["n"] for row in await sql.fetch(query)}


async def test_300_cancelled_transactions_leak_nothing(database):
    async def work(delay):
        async with transaction():
            await sql.execute("UPDATE rating_counter SET n1 = n1 + 1")
            await asyncio.sleep(delay)

    async with opened(database):
        await RatingCounter.create(subject_id=uuid7(), kind="VENDOR")
        for n in range(30):
            tasks = [asyncio.create_task(work(0.001)) for _ in range(10)]
            for _ in range(n % 7):
                await asyncio.sleep(0)
            if n % 3 == 0:
                await asyncio.sleep(0.0005 * (n % 5))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        async with asyncio.timeout(10):
            done = await asyncio.gather(*(work(0) for _ in range(20)), return_exceptions=True)
            count = (await RatingCounter.get()).n1
        if sql.is_postgres():
            idle = await sql.fetch("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'")  # fmt: skip
            assert idle == []

    assert done == [None] * 20
    assert count >= 20


async def test_a_transaction_that_fails_leaves_nothing_and_the_next_one_works(database):
    async def fail():
        async with transaction():
            await Vendor.create(
                external_id="A", display_name="A", created_at="2026-01-01T00:00:00Z"
            )
            raise RuntimeError

    async with opened(database):
        results = await asyncio.gather(*(fail() for _ in range(10)), return_exceptions=True)
        assert [type(result) for result in results] == [RuntimeError] * 10
        assert await Vendor.all().count() == 0


BUMP = """
import asyncio, sys
from models import sql
from models.database import opened, transaction
async def bump():
    for _ in range(40):
        async with transaction():
            n = (await sql.fetch("SELECT n1 FROM rating_counter"))[0]["n1"]
            await sql.execute("UPDATE rating_counter SET n1 = ?", n + 1)
async def main():
    async with opened(sys.argv[1]):
        await asyncio.gather(*(bump() for _ in range(2)))
asyncio.run(main())
"""


async def test_two_processes_that_read_and_then_write_on_sqlite_lose_nothing(
    sqlite_template, tmp_path
):
    path = tmp_path / "shared.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    with sqlite3.connect(path) as connection:
        names = "subject_id, kind, n1, n2, n3, n4, n5, communication_sum, communication_count, quality_sum, quality_count, value_sum, value_count"  # fmt: skip
        connection.execute(f"INSERT INTO rating_counter ({names}) VALUES ('{uuid7()}', 'VENDOR', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)")  # fmt: skip
    connection.close()

    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", BUMP, f"sqlite://{path}", cwd=ROOT, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    errors = [(await process.communicate())[1].decode() for process in processes]

    assert [process.returncode for process in processes] == [0, 0], errors
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT n1 FROM rating_counter").fetchone() == (160,)
    connection.close()


def test_keys_sort_by_creation_time_and_are_version_7():
    keys = [uuid7() for _ in range(1000)]

    assert len(set(keys)) == 1000
    assert {(key.version, key.variant) for key in keys} == {(7, "specified in RFC 4122")}
    assert [key.int >> 80 for key in keys] == sorted(key.int >> 80 for key in keys)
