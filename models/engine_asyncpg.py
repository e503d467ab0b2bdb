"""Tortoise's asyncpg engine with the repairs that an API server needs."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    PoolConnectionWrapper,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError

from models.outcome import NO_COMMIT, Commit, around
from models.turns import Turns
from models.unavailable import Unavailable

# Seconds that an abandoned statement has to stop before its connection is closed.
_RELEASE_TIMEOUT = 5.0
_releasing: set[asyncio.Task[None]] = set()


async def _no_reset(_connection: Any) -> None:
    """Save the round trip that asyncpg makes at each release.

    Safe only while pooled connections get no session state: no SET, no advisory lock, no LISTEN.
    asyncpg itself still rolls back an open transaction.
    """


class _Places:
    """The pool's connections, lent to those who wait in the order in which they came.

    asyncpg's own queue lets a newcomer take a connection that was returned for another one.
    """

    def __init__(self, client: "SafeAsyncpgClient") -> None:
        self._client = client
        self._free = asyncio.Semaphore(client.pool_maxsize)

    async def take(self) -> Any:
        await self._free.acquire()
        try:
            return await self._client._pool.acquire()  # type: ignore[union-attr]
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, connection: Any, error: BaseException | None) -> None:
        """Return a connection: at once, or in the background when its statement must be stopped.

        Stopping may take the server a while, and a caller that gave up must not wait for it.
        """
        if error is None or (
            isinstance(error, Exception) and not isinstance(error, TimeoutError | Unavailable)
        ):
            await self._give_back(connection)
            return
        task = asyncio.get_running_loop().create_task(self._give_back_in_time(connection))
        _releasing.add(task)
        task.add_done_callback(_releasing.discard)

    async def _give_back(self, connection: Any, within: float | None = None) -> None:
        try:
            await self._client._pool.release(connection, timeout=within)  # type: ignore[union-attr]
        finally:
            self._free.release()

    async def _give_back_in_time(self, connection: Any) -> None:
        with suppress(Exception):  # then asyncpg closed it and took it out of the pool
            await self._give_back(connection, _RELEASE_TIMEOUT)


class _Loan(PoolConnectionWrapper[Any]):
    """A pooled connection for one statement."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self.connection = await self.client.places.take()  # type: ignore[attr-defined]
        return self.connection

    async def __aexit__(self, _kind: Any, error: Any, _trace: Any) -> None:
        await self.client.places.give_back(self.connection, error)  # type: ignore[attr-defined]


class _Transaction(TransactionWrapper):
    """A transaction that passes statements on to the pool after its end.

    A task that outlives the transaction it was started in would otherwise fail with "connection
    has been released back to the pool".
    """

    _over = False

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something if and when the outermost transaction is committed."""
        if self._over or isinstance(self._parent, _Transaction):
            self._parent.after_commit(action)  # type: ignore[attr-defined]
        else:
            self._after_commit.append(action)

    def has_committed(self) -> None:
        for action in self._after_commit:
            action()

    def acquire_connection(self) -> Any:
        if self._over:
            return self._parent.acquire_connection()
        return super().acquire_connection()

    def _in_transaction(self) -> TransactionContext:
        if self._over:
            return self._parent._in_transaction()
        return NestedTransactionContext(_Transaction(self))

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        with around(args[0]) if self._over else NO_COMMIT:
            return await super()._translate_exceptions(func, *args, **kwargs)

    async def execute_many(self, query: str, values: list[Any]) -> None:
        if self._over:
            await self._parent.execute_many(query, values)
        else:
            await super().execute_many(query, values)


class _TransactionContext(TransactionContextPooled):
    """Returns its connection to the pool when the task is cancelled while BEGIN runs."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        with NO_COMMIT:
            await self.ensure_connection()
            places = self.client._parent.places  # type: ignore[attr-defined]
            self.client._connection = await places.take()
            token = None
            try:
                token = get_connections().set(self.connection_name, self.client)
                await self.client.begin()
            except BaseException as error:
                self.client._over = True  # type: ignore[attr-defined]
                if token is not None:
                    get_connections().reset(token)
                # This also rolls back an open transaction.
                await places.give_back(self.client._connection, error)
                raise
            self.token = token
            return self.client

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        error = exc_val
        try:
            await self._end(exc_val)
        except BaseException as own:
            error = own
            raise
        finally:
            self.client._over = True  # type: ignore[attr-defined]
            try:
                await self.client._parent.places.give_back(  # type: ignore[attr-defined]
                    self.client._connection, error
                )
            finally:
                self._forget()

    async def _end(self, error: BaseException | None) -> None:
        if self.client._finalized:
            return
        if error is None:
            with Commit():
                await self.client.commit()
            self.client.has_committed()  # type: ignore[attr-defined]
        elif isinstance(error, Exception):
            # If this fails, closing the connection undoes the transaction.
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self.client.rollback()

    def _forget(self) -> None:
        try:
            get_connections().reset(self.token)
        except ValueError as error:
            message = "the transaction was closed in another task than it was opened in"
            raise TransactionManagementError(message) from error


class SafeAsyncpgClient(AsyncpgDBClient):
    """The client that Tortoise creates for a PostgreSQL database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("reset", _no_reset)
        super().__init__(*args, **kwargs)
        self.places = _Places(self)
        # None for a client whose statements need not take turns.
        self.turns: Turns | None = Turns()

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(_Transaction(self), self._pool_init_lock)

    def _check_loop(self) -> bool:
        """Skip the check at each use: `opened` opens and closes the client in one event loop."""
        return True

    def acquire_connection(self) -> Any:
        return _Loan(self, self._pool_init_lock)

    async def _translate_exceptions(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        with around(args[0]):
            return await super()._translate_exceptions(func, *args, **kwargs)

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a statement outside transactions. Logs nothing: this is the hot path."""
        rows = await self._translate_exceptions(_fetch, query, values or ())
        return [dict(row.items()) for row in rows]

    def after_commit(self, action: Callable[[], None]) -> None:
        """Outside transactions every statement is already committed."""
        action()

    @property
    def is_open(self) -> bool:
        return self._pool is not None

    async def records(self, query: str, values: Sequence[Any]) -> Sequence[Any]:
        """The records that asyncpg returns for a read outside transactions."""
        with NO_COMMIT:
            return await _fetch(self, query, values)


async def _fetch(client: SafeAsyncpgClient, query: str, values: Sequence[Any]) -> list[Any]:
    async with client.acquire_connection() as connection:
        rows: list[Any] = await connection.fetch(query, *values)
    if client.turns is not None:
        await client.turns.take()
    return rows


client_class = SafeAsyncpgClient
