"""Connections apart from those of the requests, for work that must not wait in their queue."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection, get_connections

from models.unavailable import Unavailable

# On PostgreSQL; each is opened when needed and closed when idle.
MAX_CONNECTIONS = 3


class OwnConnections:
    """Connections for the mail worker and the readiness check.

    The next statement reopens one that was lost, as with those of the requests. SQLite in memory
    has only one connection, which is shared.
    """

    def __init__(self) -> None:
        self._client: BaseDBAsyncClient | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open them, and close them at the end, while the database itself is open."""
        self._client = await _another()
        try:
            yield
        finally:
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Run the statements inside, and those of tasks started inside, on these connections."""
        if self._client is None:
            yield
            return
        token = get_connections().set("default", self._client)
        try:
            yield
        finally:
            get_connections().reset(token)


async def _another() -> BaseDBAsyncClient | None:
    """A client of the same database with its own connections; None for SQLite in memory."""
    credentials: dict[str, Any] = get_connections().db_config["default"]["credentials"]
    is_file = "file_path" in credentials
    if is_file and credentials["file_path"] == ":memory:":
        return None
    size = {} if is_file else {"minsize": 1, "maxsize": MAX_CONNECTIONS}
    parameters = credentials | size | {"connection_name": "default"}
    client: Any = type(get_connection("default"))(**parameters)
    if is_file:
        # Open the file now, while it exists: opening a missing one later would create another.
        with suppress(Unavailable):  # the server starts all the same, and is not ready
            await client.execute_query("SELECT 1")
    else:
        client.turns = None
    return client  # type: ignore[no-any-return]
