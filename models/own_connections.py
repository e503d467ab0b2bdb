"""Connections beside those of the requests, for work that must not wait in their queue."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection, get_connections

# On PostgreSQL; each is opened when it is needed and closed when it is not.
MOST = 3


class OwnConnections:
    """Set apart for the mail worker and for whoever asks whether the server is ready.

    One that is lost is opened anew by the next statement, as those of the requests are. SQLite in
    memory is one connection and no more, so there it is shared.
    """

    def __init__(self) -> None:
        self._client: BaseDBAsyncClient | None = None

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Close them in the end; the database must be open before and after."""
        self._client = await _another()
        try:
            yield
        finally:
            client, self._client = self._client, None
            if client is not None:
                await client.close()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Statements inside, and in tasks that begin inside, run on these connections."""
        if self._client is None:
            yield
            return
        token = get_connections().set("default", self._client)
        try:
            yield
        finally:
            get_connections().reset(token)


async def _another() -> BaseDBAsyncClient | None:
    """A client of the same database, with connections of its own."""
    credentials: dict[str, Any] = get_connections().db_config["default"]["credentials"]
    is_file = "file_path" in credentials
    if is_file and credentials["file_path"] == ":memory:":
        return None
    size = {} if is_file else {"minsize": 1, "maxsize": MOST}
    given = credentials | size | {"connection_name": "default"}
    client: Any = type(get_connection("default"))(**given)
    if is_file:
        # Now, while it is there: opening a file that is gone would make another one.
        await client.execute_query("SELECT 1")
    else:
        client.turns = None
    return client  # type: ignore[no-any-return]
