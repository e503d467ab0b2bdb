"""Connections of an SQLite file that only read, beside the one that writes."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from aiosqlite import Connection

from models.sqlite_stopping import stop, take_back
from models.unavailable import Unavailable

# So many statements read at once, each in a thread of its own; the others wait.
MOST = 8


class Readers:
    """Lends connections for one statement each; the one used last is lent first, for its cache.

    A statement outside of a transaction sees all that was committed before it began, and keeps
    nothing open when it has ended.
    """

    def __init__(self, open_one: Callable[[], Awaitable[Connection]]) -> None:
        self._open_one = open_one
        self._places = asyncio.Semaphore(MOST)
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
            take_back(connection, partial(self._return, connection), interrupt=True)
            raise
        self._return(connection)
        return rows  # type: ignore[return-value]

    async def close(self) -> None:
        """Close them all; no statement is waited for."""
        self._is_closed = True
        self._idle.clear()
        await asyncio.gather(*map(_close, self._opened))

    async def _lend(self) -> Connection:
        await self._places.acquire()
        try:
            return self._idle.pop() if self._idle else await self._open()
        except BaseException:
            self._places.release()
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
        self._places.release()


async def _close(connection: Connection) -> None:
    await stop(connection)
    await connection.close()
