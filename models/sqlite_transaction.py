"""SQLite's transactions: each holds the one writing connection until it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tortoise.backends.base.client import TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.outcome import NO_COMMIT, Commit, NoCommit, around
from models.sqlite_readers import Readers
from models.sqlite_statements import TranslatingClient, may_still_run
from models.sqlite_stopping import release_later

T = TypeVar("T")


class Transaction(TranslatingClient, SqliteTransactionWrapper):
    """A transaction that takes the write lock first, and after its end uses its parent.

    After a deferred BEGIN, a read and then a write fails at once, whatever the busy timeout, if
    another process wrote in between. And a task that outlives the transaction it was started in
    would otherwise write, without the lock, into another task's transaction.
    """

    _over = False

    def __init__(self, connection: SqliteClient) -> None:
        SqliteTransactionWrapper.__init__(self, connection)
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something if and when this transaction is committed."""
        self._after_commit.append(action)

    def _around(self, statement: str) -> Commit | NoCommit:
        return around(statement) if self._over else NO_COMMIT

    def _readers_for(self, statement: str) -> Readers | None:
        return self._parent._readers_for(statement) if self._over else None  # type: ignore[attr-defined]

    async def _retry_while_busy(self, run: Callable[..., Awaitable[T]], *given: Any) -> T:
        return await self._parent._retry_while_busy(run, *given)  # type: ignore[attr-defined,no-any-return]

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
        self._parent.check_file()  # type: ignore[attr-defined]
        with NO_COMMIT:
            await self._retry_while_busy(self._connection.execute, "BEGIN IMMEDIATE")

    async def commit(self) -> None:
        """Commit, and then run the actions of `after_commit` even if the caller is cancelled."""
        with Commit():
            committing = asyncio.ensure_future(super().commit())
            committing.add_done_callback(self._ended)
            await asyncio.shield(committing)

    def _ended(self, committing: "asyncio.Future[None]") -> None:
        if not committing.cancelled() and committing.exception() is None:
            self._parent.has_committed()  # type: ignore[attr-defined]
            for action in self._after_commit:
                action()


class SafeTransactionContext(SqliteTransactionContext):
    """Releases the lock even if the task is cancelled while the transaction begins or ends."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self._trxlock.acquire()
        self.token: Any = None
        try:
            with NO_COMMIT:
                await self.ensure_connection()
            self.token = get_connections().set(self.connection_name, self.connection)
            await self.connection.begin()
        except BaseException as error:
            self._leave(error)
            raise
        return self.connection

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        error = exc_val
        try:
            if error is None and not self.connection._finalized:
                await self.connection.commit()
        except Exception as own:
            error = own
            raise
        finally:
            self._leave(error)

    def _leave(self, error: BaseException | None) -> None:
        """Release the lock: at once, or after a rollback of what is still open.

        A COMMIT is never interrupted, not even for a client that left.
        """
        transaction = self.connection
        transaction._over = True
        raw = transaction._connection
        if transaction._finalized or raw is None:
            self._trxlock.release()
        else:
            release_later(raw, self._trxlock.release, interrupt=may_still_run(error))
        if self.token is None:
            return
        try:
            get_connections().reset(self.token)
        except ValueError as reset_error:
            message = "the transaction was closed in another task than it was opened in"
            raise TransactionManagementError(message) from reset_error
