"""SQLite's connections within one process: which statement runs where, and what stays open."""

import asyncio
import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from tortoise.connection import get_connection

from models import Vendor, sql
from models.database import opened, transaction
from models.sqlite_readers import MAX_READERS
from models.unavailable import Unavailable
from models.uuid7 import uuid7
from tests.waiting import until

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) AS i FROM n"
)
WHEN = "2026-01-01 00:00:00+00:00"
INSERT = "INSERT INTO vendor (id, external_id, display_name, created_at) VALUES (?, ?, 'V', ?)"


@pytest.fixture
async def database(sqlite_database):
    async with opened(sqlite_database):
        yield sqlite_database


async def add(name):
    await sql.execute(INSERT, uuid7(), name, WHEN)


async def names():
    return {row["external_id"] for row in await sql.fetch("SELECT external_id FROM vendor")}


def _size(path) -> int:
    return Path(path).stat().st_size


@pytest.fixture
def on_readers(database, monkeypatch):
    """A function that starts recording the statements of readers, and returns their list."""

    async def watch():
        await sql.fetch("SELECT 1 AS one")
        readers, ran = get_connection("default")._readers, []
        original = readers.rows

        async def rows(query, values):
            ran.append(query)
            return await original(query, values)

        monkeypatch.setattr(readers, "rows", rows)
        return ran

    return watch


async def test_reads_go_to_readers_and_writes_do_not(on_readers):
    ran = await on_readers()
    await add("A")
    await sql.fetch(f"{INSERT} RETURNING id", uuid7(), "B", WHEN)
    await sql.execute(f"\n  {INSERT.replace('INSERT', 'INSERT OR IGNORE')}", uuid7(), "C", WHEN)
    await sql.execute(INSERT.replace("INSERT", "REPLACE"), uuid7(), "D", WHEN)
    await sql.execute(
        "WITH given AS (SELECT ? AS id) INSERT INTO vendor (id, external_id, display_name,"
        " created_at) SELECT id, 'E', 'V', ? FROM given",
        uuid7(),
        WHEN,
    )
    vendor = await Vendor.create(external_id="F", display_name="V", created_at=WHEN)
    await Vendor.bulk_create(
        [Vendor(external_id=name, display_name="V", created_at=WHEN) for name in ("G", "H")]
    )
    await Vendor.filter(external_id="G").update(display_name="W")
    await sql.execute(
        "WITH w AS (SELECT 'X' AS name) UPDATE vendor SET display_name = (SELECT name FROM w)"
    )
    vendor.display_name = "Y"
    await vendor.save()
    await sql.execute("DELETE FROM vendor WHERE external_id = 'H'")
    assert ran == []

    await Vendor.get_or_create(external_id="I", defaults={"display_name": "V", "created_at": WHEN})
    assert await names() == set("ABCDEFGI")
    assert await Vendor.filter(display_name="X").count() == len("ABCDEG")
    assert [row["x"] for row in await sql.fetch("WITH w AS (SELECT 1 AS x) SELECT x FROM w")] == [1]
    assert (await Vendor.get(id=vendor.id)).display_name == "Y"
    assert len(ran) == 5


@pytest.mark.parametrize(
    "write", ["DELETE FROM vendor", "DROP TABLE vendor", "CREATE TABLE t (x)", "VACUUM"]
)
async def test_a_reader_refuses_to_write(database, write):
    await add("A")
    readers = get_connection("default")._readers
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await readers.rows(write, [])
    assert await names() == {"A"}


async def test_a_read_sees_everything_committed_before_it(database):
    async def write_and_read(name):
        await add(name)
        assert name in await names()
        async with transaction():
            await add(f"{name}+")
            assert f"{name}+" in await names()
        assert f"{name}+" in await names()

    for n in range(20):
        await asyncio.gather(*(write_and_read(f"{n}-{k}") for k in range(MAX_READERS + 2)))


async def test_tasks_that_come_first_together_open_one_writer_and_leave_nothing_open(
    sqlite_database,
):
    async def write_and_read(name):
        await add(name)
        assert name in await names()

    before = threading.active_count()
    async with opened(sqlite_database):
        await asyncio.gather(*(write_and_read(str(n)) for n in range(MAX_READERS + 2)))
        assert threading.active_count() <= before + 1 + MAX_READERS

    async def all_ended():
        return threading.active_count() <= before

    await until(all_ended)


async def test_a_read_does_not_see_uncommitted_rows(database):
    written, checked = asyncio.Event(), asyncio.Event()

    async def write():
        async with transaction():
            await add("A")
            written.set()
            await checked.wait()
            raise RuntimeError

    writing = asyncio.create_task(write())
    await written.wait()
    assert await names() == set()
    checked.set()
    with pytest.raises(RuntimeError):
        await writing
    assert await names() == set()


async def test_readers_keep_no_old_snapshot_open(database):
    path = database.removeprefix("sqlite://")
    for n in range(5):
        await add(str(n))
        abandoned = [asyncio.create_task(sql.fetch(ENDLESS)) for _ in range(3)]
        await asyncio.gather(*(names() for _ in range(MAX_READERS)))
        for task in abandoned:
            task.cancel()
        await asyncio.gather(*abandoned, return_exceptions=True)

    other = sqlite3.connect(path, isolation_level=None)
    async with asyncio.timeout(10):
        while other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            await asyncio.sleep(0.01)
    other.close()
    assert _size(f"{path}-wal") == 0


async def test_reads_that_overlap_endlessly_do_not_let_the_wal_grow(sqlite_database, monkeypatch):
    monkeypatch.setattr("models.sqlite_wal.MAX_BYTES", 300_000)
    longest = 0

    async def read():
        slow = ENDLESS.replace("FROM n)", "FROM n, (SELECT COUNT(*) FROM vendor) WHERE i < 20000)")
        while True:
            await sql.fetch(slow)

    async with opened(sqlite_database):
        await add("A")
        readers = [asyncio.create_task(read()) for _ in range(3)]
        for n in range(150):
            async with transaction():
                await sql.execute("UPDATE vendor SET display_name = ?", str(n) * 20_000)
            longest = max(longest, _size(f"{sqlite_database.removeprefix('sqlite://')}-wal"))
        for reader in readers:
            reader.cancel()

    assert 300_000 < longest < 3_000_000


async def test_more_statements_than_readers_wait_for_one(database):
    slow = ENDLESS.replace("FROM n)", "FROM n WHERE i < 20000)")
    await add("A")
    results = await asyncio.gather(*(sql.fetch(slow) for _ in range(5 * MAX_READERS)))
    assert results == [[{"i": 20000}]] * (5 * MAX_READERS)
    assert len(get_connection("default")._readers._opened) == MAX_READERS


async def test_a_statement_of_another_task_is_never_interrupted(database):
    steady = ENDLESS.replace("FROM n)", "FROM n WHERE i < 30000)")

    async def abandoned(n):
        task = asyncio.create_task(sql.fetch(ENDLESS if n % 2 else steady))
        for _ in range(n % 7):
            await asyncio.sleep(0)
        await asyncio.sleep(0.001 * (n % 4))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async with asyncio.timeout(60):
        for n in range(60):
            results = await asyncio.gather(
                *(abandoned(n + k) for k in range(4)), *(sql.fetch(steady) for _ in range(4))
            )
            assert results[4:] == [[{"i": 30000}]] * 4


@pytest.mark.parametrize("inside", [False, True])
async def test_an_abandoned_write_is_stopped_and_the_next_one_runs(database, inside):
    endless = f"UPDATE vendor SET display_name = ({ENDLESS})"

    async def write():
        if inside:
            async with transaction():
                await add("B")
                await sql.execute(endless)
        else:
            await sql.execute(endless)

    await add("A")
    for n in range(10):
        task = asyncio.create_task(write())
        await asyncio.sleep(0.002 * n)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            async with asyncio.timeout(5):
                await task
        async with asyncio.timeout(5):
            await sql.execute("UPDATE vendor SET display_name = ?", str(n))

    assert [row["display_name"] for row in await sql.fetch("SELECT display_name FROM vendor")] == [
        "9"
    ]


async def test_actions_after_a_commit_run_exactly_for_committed_transactions(database):
    done = []

    async def write(name):
        async with transaction() as writing:
            await add(name)
            writing.after_commit(lambda: done.append(name))

    await add("connected")
    began = asyncio.get_running_loop().time()
    await write("first")
    took = asyncio.get_running_loop().time() - began
    for n in range(150):
        task = asyncio.create_task(write(str(n)))
        until = asyncio.get_running_loop().time() + took * (n % 25) / 12
        while not task.done() and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with transaction():  # by now the abandoned ones have ended
        stored = await names()

    assert {"connected", *done} == stored
    assert 2 < len(stored) < 152


async def test_closing_waits_for_no_statement_and_leaves_no_thread(sqlite_database):
    before = threading.active_count()
    async with opened(sqlite_database):
        await add("A")
        tasks = [asyncio.create_task(sql.fetch(ENDLESS)) for _ in range(2 * MAX_READERS)]
        async with asyncio.timeout(10):
            while threading.active_count() < before + 1 + MAX_READERS:
                await asyncio.sleep(0.01)
    errors = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)

    assert {type(error) for error in errors} <= {Unavailable, ValueError}
    async with asyncio.timeout(10):
        while threading.active_count() > before:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("where", [":memory:", "?journal_mode=DELETE"])
async def test_without_a_wal_there_is_only_one_connection(sqlite_database, where):
    url = "sqlite://:memory:" if where == ":memory:" else sqlite_database + where
    async with opened(url):
        await sql.execute("CREATE TABLE t (x)")
        await asyncio.gather(*(sql.execute("INSERT INTO t (x) VALUES (?)", n) for n in range(9)))
        assert [row["n"] for row in await sql.fetch("SELECT COUNT(*) AS n FROM t")] == [9]
        task = asyncio.create_task(sql.fetch(ENDLESS))
        await asyncio.sleep(0)
        task.cancel()
        async with asyncio.timeout(10):
            assert len(await sql.fetch("SELECT x FROM t")) == 9
        assert get_connection("default")._readers is None


@pytest.mark.parametrize("replaced", [False, True])
async def test_no_reader_is_opened_on_another_file(database, replaced):
    path = database.removeprefix("sqlite://")
    await add("A")
    shutil.move(path, f"{path}.away")
    if replaced:
        shutil.copyfile(f"{path}.away", path)
    with pytest.raises(Unavailable):
        await names()
    assert os.access(path, os.F_OK) is replaced

    shutil.move(f"{path}.away", path)
    assert await names() == {"A"}
