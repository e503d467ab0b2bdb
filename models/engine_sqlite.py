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

from models.outcome import Commit, NoCommit, only_reads
from models.sqlite_readers import Readers
from models.sqlite_statements import Loan, TranslatingClient
from models.sqlite_stopping import stop
from models.sqlite_transaction import SafeTransactionContext, Transaction
from models.sqlite_wal import Wal
from models.unavailable import Unavailable, is_busy

T = TypeVar("T")
# Milliseconds that SQLite waits for a lock in one go.
_SLICE = 50

log = logging.getLogger("candor.database")


class SafeSqliteClient(TranslatingClient):
    """The client that Tortoise creates for an SQLite database."""

    # The identity of the opened file, which may since have been removed or replaced.
    _file: tuple[int, int] | None = None
    # None if there can only be one connection.
    _readers: Readers | None = None
    _wal: Wal | None = None
    _shortening: asyncio.Task[None] | None = None

    async def create_connection(self, with_db: bool) -> None:
        if self._connection is not None:  # another task was first, while this one waited
            return
        try:
            await super().create_connection(with_db)
            self._file = _identity(self.filename)
            await self._make_readers(self._connection)
        except BaseException:
            # A connection that was not set up completely must not be used.
            broken, self._connection = self._connection, None
            if broken is not None:
                await broken.close()
            raise

    async def _make_readers(self, writer: Any) -> None:
        """Only with a WAL can others read during a write; a database in memory has none."""
        ((mode,),) = await writer.execute_fetchall("PRAGMA journal_mode")
        if mode == "wal":
            await writer.execute(f"PRAGMA busy_timeout={self._slice}")
            self._readers, self._wal = Readers(self._open_reader), Wal(self.filename)

    async def _open_reader(self) -> aiosqlite.Connection:
        """Another connection to the file, which must exist.

        It must be the same file: on closing another one, SQLite would remove this file's WAL.
        """
        self.check_file()
        connection = await aiosqlite.connect(_as_uri(self.filename), uri=True, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            for name, value in (self.pragmas | {"query_only": "ON"}).items():
                await connection.execute_fetchall(f"PRAGMA {name}={value}")
            self.check_file()
        except BaseException:
            await connection.close()
            raise
        return connection

    @property
    def _busy_timeout(self) -> int:
        """Milliseconds that a statement waits for another process's lock."""
        return int(self.pragmas.get("busy_timeout", 0))

    @property
    def _slice(self) -> int:
        """Milliseconds that SQLite itself waits, in its thread, where it cannot be interrupted."""
        return min(_SLICE, self._busy_timeout)

    async def _retry_while_busy(self, run: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Let SQLite wait in short slices, so that a cancelled task need not wait long."""
        until = time.monotonic() + self._busy_timeout / 1000
        while True:
            try:
                return await run(*given)
            except Exception as error:
                if not is_busy(error) or time.monotonic() >= until:
                    raise

    async def execute_script(self, query: str) -> None:
        """Run a script. Each of its statements takes the lock, so here SQLite waits in full."""
        await self.execute_query(f"PRAGMA busy_timeout={self._busy_timeout}")
        try:
            await super().execute_script(query)
        finally:
            if self._readers is not None:
                await self.execute_query(f"PRAGMA busy_timeout={self._slice}")

    def _readers_for(self, statement: str) -> Readers | None:
        return self._readers if only_reads(statement) else None

    def _around(self, statement: str) -> Commit | NoCommit:
        guard = super()._around(statement)
        if isinstance(guard, Commit):
            self.check_file()
        return guard

    def check_file(self) -> None:
        """Raises Unavailable if the file was removed or replaced: a write would be lost."""
        if self._file is not None and _identity(self.filename) != self._file:
            reason = "THE_FILE_WAS_REMOVED_OR_REPLACED"
            raise Unavailable(reason)

    def has_committed(self) -> None:
        if self._wal is not None and self._wal.is_long and self._shortening is None:
            self._shortening = asyncio.create_task(self._shorten(self._wal))

    async def _shorten(self, wal: Wal) -> None:
        try:
            async with self.acquire_connection() as writer:
                await wal.restart(writer, self._slice)
        except Exception as error:  # noqa: BLE001 - the next commit tries again
            log.warning("the WAL of the database grows: %s", type(error).__name__)
        finally:
            self._shortening = None

    async def close(self) -> None:
        """Close it without waiting for an abandoned statement."""
        readers, self._readers, self._wal = self._readers, None, None
        if self._shortening is not None:
            self._shortening.cancel()
        if readers is not None:
            await readers.close()
        if self._connection is not None:
            await stop(self._connection)
        await super().close()

    def after_commit(self, action: Callable[[], None]) -> None:
        """Outside transactions every statement is already committed."""
        action()

    def acquire_connection(self) -> Any:
        return Loan(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return SafeTransactionContext(Transaction(self), self._lock)


def _identity(path: str) -> tuple[int, int] | None:
    """The device and inode of the file; None if there is none, as for a database in memory."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - on the path of every write
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _as_uri(path: str) -> str:
    """The URI of an existing file; opening it creates none."""
    return f"{Path(path).absolute().as_uri()}?mode=rw"


client_class = SafeSqliteClient
