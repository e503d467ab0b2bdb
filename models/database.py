"""The database of a URL: an SQLite file or a PostgreSQL server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

# Enough that reads need not queue, and few enough that writers of a hot counter row do not block
# each other.
POOL = {"minsize": 1, "maxsize": 8}


def configuration(url: str) -> dict[str, Any]:
    """Tortoise's configuration for a URL such as `sqlite://candor.sqlite3` or `postgres://…/db`.

    Raises ValueError when the URL names another kind of database.
    """
    scheme = url.partition("://")[0]
    if scheme == "sqlite":
        connection = expand_db_url(url)
        connection["engine"] = "models.engine_sqlite"
        credentials = connection["credentials"]
        for pragma, value in {
            "busy_timeout": 10_000,
            # A commit that was acknowledged survives a power cut.
            "synchronous": "FULL",
            "foreign_keys": "ON",
        }.items():
            credentials.setdefault(pragma, value)
    elif scheme in {"postgres", "postgresql"}:
        connection = _postgres(url)
    else:
        message = "the database URL must begin with sqlite:// or postgres://"
        raise ValueError(message)
    return {
        "connections": {"default": connection},
        "apps": {
            "models": {
                "models": ["models"],
                "default_connection": "default",
                "migrations": "models.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


def _postgres(url: str) -> dict[str, Any]:
    connection = expand_db_url("postgres" + url[url.index("://") :])
    connection["engine"] = "models.engine_asyncpg"
    credentials = connection["credentials"]
    for name, value in POOL.items():
        credentials.setdefault(name, value)
    credentials["command_timeout"] = float(credentials.get("command_timeout", 30))
    if "sslmode" in credentials:  # libpq's name for what asyncpg calls ssl
        credentials["ssl"] = credentials.pop("sslmode")
    credentials.setdefault("application_name", "candor")
    credentials["server_settings"] = {
        "idle_in_transaction_session_timeout": "60s",
        # Statements are few and each has its index: planning again for every value gains nothing.
        "plan_cache_mode": "force_generic_plan",
        # A generic plan is made for the average service. For one it would collect all reviews by a
        # bitmap and sort them, which takes long for a service that has very many.
        # Nor does it know that the first rows of a table may be the wrong ones.
        "enable_bitmapscan": "off",
        "enable_seqscan": "off",
        "max_parallel_workers_per_gather": "0",
        # Before PostgreSQL 18 a scan that was ruled out, and is the only way, looks so dear that
        # it would be compiled, which takes longer than any statement of ours.
        "jit": "off",
    }
    return connection


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[TortoiseContext]:
    """Open the database for this process, and close it at the end.

    The context is process-wide, so that the tasks of requests find it.
    """
    context = await Tortoise.init(config=configuration(url), _enable_global_fallback=True)
    # Otherwise tasks that use it first at the same time would each create a client, never closed.
    get_connection("default")
    try:
        yield context
    finally:
        await context.close_connections()


transaction = in_transaction


@asynccontextmanager
async def reading_whole_tables() -> AsyncIterator[None]:
    """A transaction for statements that read whole tables, which `_postgres` plans against."""
    async with transaction() as connection:
        if connection.capabilities.dialect == "postgres":
            await connection.execute_script("SET LOCAL enable_seqscan = on")
        yield
