"""Build a marketplace in a database as fast as it allows, with counters computed by SQL."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from marketplace import Marketplace, Size

from models import sql
from models.indexes import INDEXES
from models.migrating import migrate

_STARS = ", ".join(f"COUNT(*) FILTER (WHERE rating = {stars})" for stars in range(1, 6))
_SUB_RATINGS = ", ".join(
    f'COALESCE(SUM("{name}"), 0), COUNT("{name}")' for name in ("communication", "quality", "value")
)
_COUNTED = " UNION ALL ".join(
    f"SELECT {subject}_id, '{subject.upper()}', {_STARS}, {_SUB_RATINGS} FROM review"
    f" WHERE status = 'APPROVED' AND deleted_at IS NULL GROUP BY {subject}_id"
    for subject in ("service", "vendor")
)
_COLUMNS = (
    "subject_id, kind, n1, n2, n3, n4, n5, communication_sum, communication_count,"
    " quality_sum, quality_count, value_sum, value_count"
)
_COUNT = f"INSERT INTO rating_counter ({_COLUMNS}) {_COUNTED}"
_DIFFERENT = f"""
WITH counted AS ({_COUNTED}), stored AS (SELECT {_COLUMNS} FROM rating_counter)
SELECT COUNT(*) FROM (
  (SELECT * FROM counted EXCEPT SELECT * FROM stored) UNION ALL
  (SELECT * FROM stored EXCEPT SELECT * FROM counted)) different"""


async def build_postgres(url: str, size: Size, log: Callable[[str], None]) -> None:
    """Fill a new database without indexes and foreign keys, and mostly without WAL."""
    await migrate(url)
    connection = await connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET maintenance_work_mem = '512MB'")
        await connection.execute(f"DROP INDEX {', '.join(INDEXES)}")
        await _copy(connection, Marketplace(size, _today()), log)
        log("counters and indexes")
        await connection.execute(_COUNT)
        for definition in INDEXES.values():
            await connection.execute(f"CREATE {definition}")
        await connection.execute("VACUUM (FREEZE, ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("postgres://", "postgresql://", 1))


async def wrong_counters(connection: asyncpg.Connection) -> int:
    """The number of counters that differ from a recount of the reviews."""
    return await connection.fetchval(_DIFFERENT)


async def build_sqlite(path: Path, size: Size) -> None:
    """Fill a new file with rows as Candor itself would store them."""
    await migrate(f"sqlite://{path}")
    database = sqlite3.connect(path)
    database.execute("PRAGMA synchronous = OFF")
    for name in INDEXES:
        database.execute(f"DROP INDEX {name}")
    for table, columns, rows in Marketplace(size, _today()).tables():
        places = ", ".join("?" * len(columns))
        names = ", ".join(f'"{column}"' for column in columns)
        converted = (tuple(map(sql._for_sqlite, row)) for row in rows)
        database.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", converted)
    database.execute(_COUNT)
    # No operation of the benchmark searches, so no worker is to index meanwhile.
    database.execute("DELETE FROM search_waiting")
    for definition in INDEXES.values():
        database.execute(f"CREATE {definition}")
    database.commit()
    database.close()


async def _copy(
    connection: asyncpg.Connection, marketplace: Marketplace, log: Callable[[str], None]
) -> None:
    tables = marketplace.tables()
    async with connection.transaction():
        # A table emptied in the transaction of its COPY needs no WAL (wal_level = minimal).
        await connection.execute(f"TRUNCATE {', '.join(name for name, _, _ in tables)} CASCADE")
        for name, columns, rows in tables:
            log(name)
            await connection.copy_records_to_table(name, records=rows, columns=columns)


def _today() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
