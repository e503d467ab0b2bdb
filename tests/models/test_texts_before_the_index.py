"""The migration that folds texts as people type them, and has all stored reviews indexed."""

import asyncio
import sqlite3
import unicodedata
import uuid

import pytest
from tortoise.backends.base import executor
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations

from models import Review, Service, sql, text_indexing
from models.database import configuration, opened
from models.migrating import migrate
from resolvers import review_list, services
from resolvers.keyset import PageRequest
from resolvers.review_list import ReviewFilter, ReviewSort, Scope
from resolvers.services import ServiceFilter, ServiceSort
from resolvers.viewer import ANONYMOUS

BEFORE = "0010_switches_of_mails"
BODIES = ["Great in İstanbul", "zero\u200bwidth joy", "plain words", "gone\u00adfor good"]


@pytest.fixture
def database(empty_database):
    executor.EXECUTOR_CACHE.clear()
    return empty_database


def _as_folded_before(text):
    return unicodedata.normalize("NFKC", text).casefold()


async def _store_as_before(url):
    async with TortoiseContext():
        await run_migrations(config=configuration(url), target=f"models.{BEFORE}")
    at = "2026-01-01 00:00:00+00:00"
    async with opened(url):
        for table in ("customer", "vendor"):
            await sql.execute(
                f"INSERT INTO {table} (id, external_id, display_name, created_at)"
                f" VALUES (?, 'X', 'X', '{at}')",
                uuid.UUID(int=1),
            )
        await sql.execute(
            "INSERT INTO service (id, external_id, vendor_id, title, title_folded, created_at)"
            f" VALUES (?, 'X', ?, ?, ?, '{at}')",
            *(uuid.UUID(int=1), uuid.UUID(int=1), "İZMİR tours", _as_folded_before("İZMİR tours")),
        )
        for number, body in enumerate(BODIES, 1):
            id_, one = uuid.UUID(int=number), uuid.UUID(int=1)
            await sql.execute(
                "INSERT INTO orders (id, external_id, status, reminders_allowed, customer_id,"
                " vendor_id, service_id, link_version, created_at)"
                f" VALUES (?, ?, 'COMPLETED', TRUE, ?, ?, ?, 1, '{at}')",
                *(id_, f"O-{number}", one, one, one),
            )
            deleted = f"'{at}'" if number == len(BODIES) else "NULL"
            await sql.execute(
                "INSERT INTO review (id, order_id, service_id, vendor_id, customer_id, rating, body,"
                " body_folded, verified, status, created_at, helpful_count, deleted_at)"
                f" VALUES (?, ?, ?, ?, ?, 5, ?, ?, TRUE, 'APPROVED', '{at}', 0, {deleted})",
                *(id_, id_, one, one, one, body, _as_folded_before(body)),
            )


def test_stored_reviews_are_found_as_people_type_before_and_after_they_are_indexed(
    database, monkeypatch
):
    asyncio.run(_store_as_before(database))

    asyncio.run(migrate(database))

    monkeypatch.setattr(text_indexing, "SMALL", 3)
    asyncio.run(_check(database))


async def _check(url):
    async with opened(url):
        assert await text_indexing.missing() == 0
        for waiting in (3, 0):
            assert await text_indexing.waiting() == waiting
            for words, body in zip(("istanbul", "zerowidth", "plain words"), BODIES, strict=False):
                assert await _found(words) == [body]
            assert await _found("goneforgood") == []
            await text_indexing.index_waiting()
        (page,) = await services.list_services(
            ANONYMOUS, [None], ServiceFilter(search="izmir"), ServiceSort.TITLE, PageRequest(5),
            count=False,
        )  # fmt: skip
        assert [service.title for service in page.rows] == ["İZMİR tours"]
        assert (await Service.get()).title_folded == "izmir tours"
        assert await Review.all().count() == len(BODIES)


async def _found(words):
    (page,) = await review_list.list_reviews(
        ANONYMOUS, [Scope()], ReviewFilter(search=words), ReviewSort.NEWEST, PageRequest(5),
        count=False,
    )  # fmt: skip
    return [row.body for row in page.rows]


def test_triggers_lost_with_a_rebuilt_table_are_made_again(tmp_path):
    path = tmp_path / "lost.sqlite3"
    asyncio.run(migrate(f"sqlite://{path}"))
    query = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    with sqlite3.connect(path) as database:
        before = database.execute(query).fetchall()
        database.execute("DROP TRIGGER tr_review_text_updated")

    asyncio.run(migrate(f"sqlite://{path}"))

    with sqlite3.connect(path) as database:
        assert database.execute(query).fetchall() == before
    assert len(before) == 3
