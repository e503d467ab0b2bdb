"""The statistics by which a database plans statements."""

from typing import Any

from tortoise.connection import get_connection

from models import sql

# SQLite reads so many rows of each index: 10 ms for a million reviews, and enough to plan by.
STATEMENTS_ON_SQLITE = ("PRAGMA analysis_limit = 1000", "ANALYZE")


async def refresh(connection: Any = None) -> None:
    """Compute the statistics anew, as after an import.

    PostgreSQL does so by itself, but not at once. SQLite never does.
    """
    connection = connection or get_connection("default")
    statements = ("ANALYZE",) if sql.speaks_postgres(connection) else STATEMENTS_ON_SQLITE
    for statement in statements:
        await connection.execute_script(statement)


async def refresh_where_nobody_does() -> None:
    """On SQLite: compute them anew. To be called now and then."""
    if not sql.is_postgres():
        await refresh()
