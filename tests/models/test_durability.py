"""An acknowledged commit is on the disk, on both databases."""

from models import sql
from models.database import opened

FULL = 2


async def test_sqlite_waits_for_the_disk_at_each_commit(sqlite_database):
    async with opened(sqlite_database):
        assert (await sql.fetch("PRAGMA synchronous"))[0]["synchronous"] == FULL
        assert (await sql.fetch("PRAGMA journal_mode"))[0]["journal_mode"] == "wal"


async def test_the_url_may_choose_speed_over_durability(sqlite_database):
    async with opened(f"{sqlite_database}?synchronous=NORMAL"):
        assert (await sql.fetch("PRAGMA synchronous"))[0]["synchronous"] == 1


async def test_postgres_waits_for_the_disk_at_each_commit(postgres_database):
    async with opened(postgres_database):
        assert (await sql.fetch("SHOW synchronous_commit"))[0]["synchronous_commit"] == "on"
