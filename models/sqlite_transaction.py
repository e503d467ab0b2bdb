"""A transaction of SQLite: it has the one connection that writes for itself."""

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

from models.outcome import QUESTION, Decision, Question, around
from models.sqlite_readers import Readers
from models.sqlite_statements import Explained, may_still_run
from models.sqlite_stopping import take_back

T = TypeVar("T")


class Transaction(Explained, SqliteTransactionWrapper):
    """A transaction that takes the write lock first and hands over to its parent when it is over.

    A deferred BEGIN that reads and then writes fails at once, whatever the busy timeout, when
    another process wrote in between. A task that outlives the transaction it was started in
    would otherwise write, without the lock, into a stranger's transaction.
    """

    _over = False

    def __init__(self, connection: SqliteClient) -> None:
        SqliteTransactionWrapper.__init__(self, connection)
        self._acts: list[Callable[[], None]] = []

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something when, and only when, this transaction has been committed."""
        self._acts.append(act)

    def _around(self, statement: str) -> Decision | Question:
        return around(statement) if self._over else QUESTION

    def _readers_of(self, statement: str) -> Readers | None:
        return self._parent._readers_of(statement) if self._over else None  # type: ignore[attr-defined]

    async def _patiently(self, run: Callable[..., Awaitable[T]], *given: Any) -> T:
        return await self._parent._patiently(run, *given)  # type: ignore[attr-defined,no-any-return]

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
            await self._patiently(self._connection.execute, "BEGIN IMMEDIATE")

    async def commit(self) -> None:
        """Commit it; what was to be done then is done even when nobody waits for it any more."""
        with Decision():
            committing = asyncio.ensure_future(super().commit())
            committing.add_done_callback(self._ended)
            await asyncio.shield(committing)

    def _ended(self, committing: "asyncio.Future[None]") -> None:
        if not committing.cancelled() and committing.exception() is None:
            self._parent.has_committed()  # type: ignore[attr-defined]
            for act in self._acts:
                act()


class SafeTransactionContext(SqliteTransactionContext):
    """Survives a task that is cancelled while the transaction begins or ends."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self._trxlock.acquire()
        self.token: Any = None
        try:
            with QUESTION:
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
        """Let the next one in: at once, or when what is still open was rolled back.

        Not even a client that left interrupts a COMMIT.
        """
        transaction = self.connection
        transaction._over = True
        raw = transaction._connection
        if transaction._finalized or raw is None:
            self._trxlock.release()
        else:
            take_back(raw, self._trxlock.release, interrupt=may_still_run(error))
        if self.token is None:
            return
        try:
            get_connections().reset(self.token)
        except ValueError as trouble:
            message = "the transaction was closed in another task than it was opened in"
            raise TransactionManagementError(message) from trouble
