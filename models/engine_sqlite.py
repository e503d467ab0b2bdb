"""Tortoise's SQLite engine with the repairs that an API server needs.

Migrations choose their dialect by this module's name, so "sqlite" must stay in it.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from tortoise.backends.base.client import TransactionContext

from models.outcome import Decision, Question, only_reads
from models.sqlite_readers import Readers
from models.sqlite_statements import Explained, Loan
from models.sqlite_stopping import stop
from models.sqlite_transaction import SafeTransactionContext, Transaction
from models.sqlite_wal import Wal
from models.unavailable import Unavailable, is_busy

T = TypeVar("T")
# Milliseconds.
_SLICE = 50

log = logging.getLogger("candor.database")


class SafeSqliteClient(Explained):
    """The client that Tortoise makes for each SQLite connection of ours."""

    # Which file was opened: another one may lie at its place by now, or none.
    _file: tuple[int, int] | None = None
    # None where only one connection can be had.
    _readers: Readers | None = None
    _wal: Wal | None = None
    _shortening: asyncio.Task[None] | None = None

    async def create_connection(self, with_db: bool) -> None:
        try:
            await super().create_connection(with_db)
            self._file = _identity(self.filename)
            await self._make_readers(self._connection)
        except BaseException:
            # What is not set up to its end is not used.
            broken, self._connection = self._connection, None
            if broken is not None:
                await broken.close()
            raise

    async def _make_readers(self, writer: Any) -> None:
        """Only WAL lets others read while somebody writes; a database in memory has no WAL."""
        ((mode,),) = await writer.execute_fetchall("PRAGMA journal_mode")
        if mode == "wal":
            await writer.execute(f"PRAGMA busy_timeout={self._slice}")
            self._readers, self._wal = Readers(self._open_reader), Wal(self.filename)

    async def _open_reader(self) -> aiosqlite.Connection:
        """Another connection to the file, which is never made anew here.

        To another file it must not come: when it is closed, SQLite removes a WAL of this name.
        """
        self.must_be_its_file()
        connection = await aiosqlite.connect(_as_uri(self.filename), uri=True, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            for name, value in (self.pragmas | {"query_only": "ON"}).items():
                await connection.execute_fetchall(f"PRAGMA {name}={value}")
            self.must_be_its_file()
        except BaseException:
            await connection.close()
            raise
        return connection

    @property
    def _patience(self) -> int:
        """Milliseconds that a statement waits for the lock of another process."""
        return int(self.pragmas.get("busy_timeout", 0))

    @property
    def _slice(self) -> int:
        """Milliseconds of it that SQLite waits in its thread, out of which nobody can be called."""
        return min(_SLICE, self._patience)

    async def _patiently(self, run: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Let SQLite wait a little, and again: whoever gives up meanwhile is gone at once."""
        until = time.monotonic() + self._patience / 1000
        while True:
            try:
                return await run(*given)
            except Exception as error:
                if not is_busy(error) or time.monotonic() >= until:
                    raise

    async def execute_script(self, query: str) -> None:
        """Run a script, whose statements lock one by one: here SQLite itself waits for each."""
        await self.execute_query(f"PRAGMA busy_timeout={self._patience}")
        try:
            await super().execute_script(query)
        finally:
            if self._readers is not None:
                await self.execute_query(f"PRAGMA busy_timeout={self._slice}")

    def _readers_of(self, statement: str) -> Readers | None:
        return self._readers if only_reads(statement) else None

    def _around(self, statement: str) -> Decision | Question:
        found = super()._around(statement)
        if isinstance(found, Decision):
            self.must_be_its_file()
        return found

    def must_be_its_file(self) -> None:
        """Raises Unavailable when what is stored now would be lost with a file that was removed."""
        if self._file is not None and _identity(self.filename) != self._file:
            reason = "THE_FILE_WAS_REMOVED_OR_REPLACED"
            raise Unavailable(reason)

    def has_committed(self) -> None:
        if self._wal is not None and self._wal.is_long and self._shortening is None:
            self._shortening = asyncio.create_task(self._shorten(self._wal))

    async def _shorten(self, wal: Wal) -> None:
        try:
            async with self.acquire_connection() as writer:
                await wal.begin_anew(writer, self._slice)
        except Exception as error:  # noqa: BLE001 - the next commit tries again
            log.warning("the WAL of the database grows: %s", type(error).__name__)
        finally:
            self._shortening = None

    async def close(self) -> None:
        """Close it; a statement that still runs for nobody is not waited for."""
        readers, self._readers, self._wal = self._readers, None, None
        if self._shortening is not None:
            self._shortening.cancel()
        if readers is not None:
            await readers.close()
        if self._connection is not None:
            await stop(self._connection)
        await super().close()

    def after_commit(self, act: Callable[[], None]) -> None:
        """Outside of a transaction every statement is committed when it is done."""
        act()

    def acquire_connection(self) -> Any:
        return Loan(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return SafeTransactionContext(Transaction(self), self._lock)


def _identity(path: str) -> tuple[int, int] | None:
    """What file it is; None when there is none, as for a database in memory."""
    try:
        found = os.stat(path)  # noqa: PTH116 - on the way of every write
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _as_uri(path: str) -> str:
    """The address of a file that is there: opening it makes none."""
    return f"{Path(path).absolute().as_uri()}?mode=rw"


client_class = SafeSqliteClient
