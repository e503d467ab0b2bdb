"""Migrate a database to the newest version, safely when several processes start at once."""

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

from models.database import configuration
from models.indexes import INDEXES
from models.reaching import connect, in_use

_LOCK = 0x43414E44  # any constant that no other application uses


class BrokenReferences(Exception):
    """A migration left rows that refer to missing rows."""


async def bring_up_to_date(url: str) -> None:
    """Migrate a database, and create an SQLite file that is missing. Raises NoDatabase."""
    await connect(url, create=True)
    with in_use(url):
        await migrate(url)


async def migrate(url: str) -> None:
    """Run the missing migrations, then create the missing indexes."""
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
        for definition in INDEXES.values():
            statement = definition.replace("INDEX ", "INDEX IF NOT EXISTS ", 1)
            await connection.execute_script(f"CREATE {statement}")
        if sqlite:
            broken = await connection.execute_query_dict("PRAGMA foreign_key_check")
            if broken:
                raise BrokenReferences(broken[:5])


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
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            yield
        finally:
            await connection.close()
