"""Read-only connections of an SQLite file, beside the one that writes."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from aiosqlite import Connection

from models.sqlite_stopping import release_later, stop
from models.unavailable import Unavailable

# At most this many statements read at once, each in its own thread; the others wait.
MAX_READERS = 8


class Readers:
    """Lends connections for one statement each; the last used is lent first, for its cache.

    A statement outside transactions sees everything committed before it began, and keeps no
    snapshot open after it has ended.
    """

    def __init__(self, open_one: Callable[[], Awaitable[Connection]]) -> None:
        self._open_one = open_one
        self._slots = asyncio.Semaphore(MAX_READERS)
        self._opened: list[Connection] = []
        self._idle: list[Connection] = []
        self._is_closed = False

    async def rows(self, query: str, values: Iterable[Any] | None) -> list[sqlite3.Row]:
        connection = await self._lend()
        try:
            rows = await connection.execute_fetchall(query, values)
        except Exception:
            self._return(connection)
            raise
        except BaseException:
            release_later(connection, partial(self._return, connection), interrupt=True)
            raise
        self._return(connection)
        return rows  # type: ignore[return-value]

    async def close(self) -> None:
        """Close them all without waiting for running statements."""
        self._is_closed = True
        self._idle.clear()
        await asyncio.gather(*map(_close, self._opened))

    async def _lend(self) -> Connection:
        await self._slots.acquire()
        try:
            return self._idle.pop() if self._idle else await self._open()
        except BaseException:
            self._slots.release()
            raise

    async def _open(self) -> Connection:
        connection = await self._open_one()
        if self._is_closed:
            await connection.close()
            reason = "CLOSED"
            raise Unavailable(reason)
        self._opened.append(connection)
        return connection

    def _return(self, connection: Connection) -> None:
        if not self._is_closed:
            self._idle.append(connection)
        self._slots.release()


async def _close(connection: Connection) -> None:
    await stop(connection)
    await connection.close()
