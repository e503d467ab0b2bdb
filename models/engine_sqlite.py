"""Tortoise's SQLite engine with the repairs that an API server needs.

Migrations choose their dialect by this module's name, so "sqlite" must stay in it.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Any

from tortoise.backends.base.client import ConnectionWrapper, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.outcome import QUESTION, Decision, Question, around
from models.unavailable import Unavailable


class _Connection(ConnectionWrapper[Any]):
    """Gives the lock back when the first connect is cancelled: stock Tortoise keeps it for ever."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self._lock.acquire()
        try:
            await self.ensure_connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection


class _Explained(SqliteClient):
    """Raises the errors of the driver as `models.unavailable` says."""

    def _around(self, statement: str) -> Decision | Question:
        return around(statement)

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        with self._around(query):
            return await super().execute_insert(query, values)  # type: ignore[no-any-return]

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        with self._around(query):
            await super().execute_many(query, values)

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[dict[str, Any]]]:
        with self._around(query):
            return await super().execute_query(query, values)  # type: ignore[no-any-return]

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        with self._around(query):
            return await super().execute_query_dict(query, values)  # type: ignore[no-any-return]


class _Transaction(_Explained, SqliteTransactionWrapper):
    """A transaction that takes the write lock first and hands over to its parent when it is over.

    A deferred BEGIN that reads and then writes fails at once, whatever the busy timeout, when
    another process wrote in between. A task that outlives the transaction it was started in
    would otherwise write, without the lock, into a stranger's transaction.
    """

    _over = False

    def __init__(self, connection: "SafeSqliteClient") -> None:
        SqliteTransactionWrapper.__init__(self, connection)
        self._acts: list[Callable[[], None]] = []

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something when, and only when, this transaction has been committed."""
        self._acts.append(act)

    def _around(self, statement: str) -> Decision | Question:
        return around(statement) if self._over else QUESTION

    def acquire_connection(self) -> Any:
        if self._over:
            return self._parent.acquire_connection()
        return super().acquire_connection()

    def _in_transaction(self) -> TransactionContext:
        if self._over:
            return self._parent._in_transaction()
        return super()._in_transaction()

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        if self._over:
            await self._parent.execute_many(query, values)
        else:
            await super().execute_many(query, values)

    async def begin(self) -> None:
        self._parent.must_be_its_file()  # type: ignore[attr-defined]
        with QUESTION:
            await self._connection.execute("BEGIN IMMEDIATE")

    async def commit(self) -> None:
        with Decision():
            await super().commit()
        for act in self._acts:
            act()


class _TransactionContext(SqliteTransactionContext):
    """Survives a task that is cancelled while the transaction begins or ends."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self._trxlock.acquire()
        token = None
        try:
            with QUESTION:
                await self.ensure_connection()
            token = get_connections().set(self.connection_name, self.connection)
            await self.connection.begin()
        except BaseException:
            await self._abandon(token)
            raise
        self.token = token
        return self.connection

    async def _abandon(self, token: Any) -> None:
        self.connection._over = True
        try:
            if token is not None:
                get_connections().reset(token)
            raw = self.connection._connection
            if raw is not None:
                # BEGIN may still run in aiosqlite's thread, whose queue is first in, first out:
                # this rollback runs after it and before anything of the lock's next owner.
                await asyncio.shield(raw.rollback())
        finally:
            self._trxlock.release()

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            if not self.connection._finalized:
                if exc_type is None:
                    await self.connection.commit()
                else:
                    await self.connection.rollback()
        except BaseException:
            if not self.connection._finalized:
                await asyncio.shield(self.connection._connection.rollback())
            raise
        finally:
            self.connection._over = True
            try:
                get_connections().reset(self.token)
            except ValueError as error:
                message = "the transaction was closed in another task than it was opened in"
                raise TransactionManagementError(message) from error
            finally:
                self._trxlock.release()


class SafeSqliteClient(_Explained):
    """The client that Tortoise makes for each SQLite connection of ours."""

    # Which file was opened: another one may lie at its place by now, or none.
    _file: tuple[int, int] | None = None

    async def create_connection(self, with_db: bool) -> None:
        await super().create_connection(with_db)
        self._file = _identity(self.filename)

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

    async def close(self) -> None:
        """Close it; a statement that still runs for nobody is not waited for."""
        if self._connection is not None:
            await self._connection.interrupt()
        await super().close()

    def after_commit(self, act: Callable[[], None]) -> None:
        """Outside of a transaction every statement is committed when it is done."""
        act()

    def acquire_connection(self) -> Any:
        return _Connection(self._lock, self)

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(_Transaction(self), self._lock)


def _identity(path: str) -> tuple[int, int] | None:
    """What file it is; None when there is none, as for a database in memory."""
    try:
        found = os.stat(path)  # noqa: PTH116 - on the way of every write
    except OSError:
        return None
    return found.st_dev, found.st_ino


client_class = SafeSqliteClient
