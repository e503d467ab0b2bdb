"""Migrate a database to the newest version, safely when several processes start at once."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.migrations.api.migrate import migrate as run_migrations
from tortoise.migrations.executor import MigrationExecutor

from models import sql, statistics, triggers
from models.database import configuration
from models.indexes import INDEXES, OBSOLETE
from models.reaching import connect, in_use

_LOCK = 0x43414E44  # any constant that no other application uses
_LOCK_RETRY = 0.1  # seconds


class BrokenReferences(Exception):
    """A migration left rows that refer to missing rows."""


async def bring_up_to_date(url: str) -> None:
    """Migrate a database, and create an SQLite file that is missing. Raises NoDatabase."""
    await connect(url, create=True)
    with in_use(url):
        await migrate(url)


async def migrate(url: str) -> None:
    """Run the missing migrations, create missing triggers and indexes, drop obsolete indexes.

    On PostgreSQL indexes are created without locking out writers.
    """
    config = configuration(url)
    credentials = config["connections"]["default"]["credentials"]
    sqlite = "file_path" in credentials
    if sqlite:
        # Tortoise rebuilds a table by dropping it. With foreign keys on, the rows that refer to it
        # would be deleted first.
        credentials["foreign_keys"] = "OFF"
    else:
        # A large table takes long.
        credentials["command_timeout"] = None
    async with _lock(credentials), TortoiseContext():
        await run_migrations(config=config)
        connection = get_connection("default")
        await triggers.bring_up_to_date(connection)
        await _bring_indexes_up_to_date(connection)
        if sqlite:
            await statistics.refresh(connection)
            broken = await connection.execute_query_dict("PRAGMA foreign_key_check")
            if broken:
                raise BrokenReferences(broken[:5])


async def _bring_indexes_up_to_date(connection: Any) -> None:
    postgres = sql.speaks_postgres(connection)
    concurrently = "CONCURRENTLY " if postgres else ""
    # An interrupted build leaves an index that PostgreSQL maintains but does not use.
    valid = (await connection.execute_query(_VALID_ON_POSTGRES if postgres else _ON_SQLITE))[1]
    existing = {row["name"] for row in valid}
    missing = [name for name in INDEXES if name not in existing]
    for name in missing:
        if postgres:
            await connection.execute_script(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        await connection.execute_script(
            f"CREATE {INDEXES[name].replace('INDEX ', f'INDEX {concurrently}', 1)}"
        )
    for name in existing.intersection(OBSOLETE):
        await connection.execute_script(f"DROP INDEX {concurrently}{name}")
    if missing and postgres:
        await statistics.refresh(connection)


_VALID_ON_POSTGRES = """
SELECT c.relname AS name FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indisvalid AND pg_table_is_visible(c.oid)"""
_ON_SQLITE = "SELECT name FROM sqlite_master WHERE type = 'index'"


async def pending(url: str) -> list[str]:
    """The names of the migrations that have not run on this database yet."""
    config = configuration(url)
    executor = MigrationExecutor(get_connection("default"), config["apps"])
    return [step.migration.name for step in await executor.plan(None)]


@asynccontextmanager
async def _lock(credentials: dict[str, Any]) -> AsyncIterator[None]:
    """Exclude other migrating processes: by a lock file on SQLite, else by an advisory lock."""
    path = credentials.get("file_path")
    if path == ":memory:":
        yield
    elif path is not None:
        with Path(f"{path}.migrate-lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    else:
        names = ("host", "port", "user", "password", "database", "ssl")
        connection = await asyncpg.connect(**{k: credentials[k] for k in names if k in credentials})
        try:
            # Not `pg_advisory_lock`: its statement would wait with a snapshot, for which CREATE
            # INDEX CONCURRENTLY waits in turn.
            while not await connection.fetchval(  # noqa: ASYNC110 - another process has it
                "SELECT pg_try_advisory_lock($1)", _LOCK
            ):
                await asyncio.sleep(_LOCK_RETRY)
            yield
        finally:
            await connection.close()
