"""Tortoise's asyncpg engine with the repairs that an API server needs."""

from collections.abc import Awaitable, Sequence
from typing import Any

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError


async def _no_reset(_connection: Any) -> None:
    """Spare the round trip that asyncpg makes at each release.

    Right only while nobody sets session state on a pooled connection: no SET, no advisory lock,
    no LISTEN. An open transaction is still rolled back by asyncpg itself.
    """


class _Transaction(TransactionWrapper):
    """A transaction that hands over to the pool when it is over.

    A task that outlives the transaction it was started in otherwise fails with "connection has
    been released back to the pool".
    """

    _over = False

    def acquire_connection(self) -> Any:
        if self._over:
            return self._parent.acquire_connection()
        return super().acquire_connection()

    def _in_transaction(self) -> TransactionContext:
        if self._over:
            return self._parent._in_transaction()
        return NestedTransactionContext(_Transaction(self))

    async def execute_many(self, query: str, values: list[Any]) -> None:
        if self._over:
            await self._parent.execute_many(query, values)
        else:
            await super().execute_many(query, values)


class _TransactionContext(TransactionContextPooled):
    """Gives its connection back to the pool when the task is cancelled while BEGIN runs."""

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        pool = self.client._parent._pool
        self.client._connection = await pool.acquire()
        token = None
        try:
            token = get_connections().set(self.connection_name, self.client)
            await self.client.begin()
        except BaseException:
            self.client._over = True  # type: ignore[attr-defined]
            if token is not None:
                get_connections().reset(token)
            await pool.release(self.client._connection)  # rolls an open transaction back
            raise
        self.token = token
        return self.client

    async def __aexit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> None:
        try:
            if not self.client._finalized:
                if exc_type is None:
                    await self.client.commit()
                else:
                    await self.client.rollback()
        finally:
            self.client._over = True  # type: ignore[attr-defined]
            try:
                await self.client._parent._pool.release(self.client._connection)
            finally:
                self._forget()

    def _forget(self) -> None:
        try:
            get_connections().reset(self.token)
        except ValueError as error:
            message = "the transaction was closed in another task than it was opened in"
            raise TransactionManagementError(message) from error


class SafeAsyncpgClient(AsyncpgDBClient):
    """The client that Tortoise makes for each PostgreSQL connection of ours."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("reset", _no_reset)
        super().__init__(*args, **kwargs)

    def _in_transaction(self) -> TransactionContext:
        return _TransactionContext(_Transaction(self), self._pool_init_lock)

    def _check_loop(self) -> bool:
        """Spare the question at each use: it is opened and closed in one loop, by `opened`."""
        return True

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of a statement outside of transactions, by the pool itself: the hot path."""
        if self._pool is None:
            return await super().execute_query_dict(query, values)  # type: ignore[no-any-return]
        rows = await self._translate_exceptions(_fetch, query, values or ())
        return [dict(row.items()) for row in rows]  # type: ignore[attr-defined]

    @property
    def is_open(self) -> bool:
        return self._pool is not None

    def records(self, query: str, values: Sequence[Any]) -> Awaitable[Sequence[Any]]:
        """The rows as asyncpg gives them, outside of transactions and with its own errors."""
        if self._pool is None:
            return super().execute_query_dict(query, list(values))
        return self._pool.fetch(query, *values)  # type: ignore[no-any-return]


async def _fetch(client: SafeAsyncpgClient, query: str, values: Sequence[Any]) -> list[Any]:
    return await client._pool.fetch(query, *values)  # type: ignore[union-attr,no-any-return]


client_class = SafeAsyncpgClient
