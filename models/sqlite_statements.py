"""Statements of SQLite outside of transactions: who runs them, and what their errors mean."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from tortoise.backends.base.client import ConnectionWrapper
from tortoise.backends.sqlite.client import SqliteClient, translate_exceptions

from models.outcome import Decision, Question, around
from models.sqlite_readers import Readers
from models.sqlite_stopping import take_back

T = TypeVar("T")


class Loan(ConnectionWrapper[Any]):
    """The writer for one statement.

    Gives the lock back when the first connect is cancelled, which stock Tortoise keeps for ever,
    and stops a statement that nobody waits for.
    """

    __slots__ = ()

    async def __aenter__(self) -> Any:
        await self._lock.acquire()
        try:
            await self.ensure_connection()
        except BaseException:
            self._lock.release()
            raise
        return self.connection

    async def __aexit__(self, _kind: Any, error: Any, _trace: Any) -> None:
        if may_still_run(error):
            take_back(self.connection, self._lock.release, interrupt=True)
        else:
            self._lock.release()


def may_still_run(error: BaseException | None) -> bool:
    """Whether nobody waits any more for a statement that may not have ended."""
    return error is not None and (
        not isinstance(error, Exception) or isinstance(error, TimeoutError)
    )


class Explained(SqliteClient):
    """Raises the errors of the driver as `models.unavailable` says, and reads beside the writer."""

    def _around(self, statement: str) -> Decision | Question:
        return around(statement)

    def _readers_of(self, statement: str) -> Readers | None:
        """Who reads this, or None when it is for the writer."""
        raise NotImplementedError

    async def _patiently(self, run: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Run what may have to wait until another process has written."""
        raise NotImplementedError

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        with self._around(query):
            return await self._patiently(super().execute_insert, query, values)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        with self._around(query):
            await self._patiently(super().execute_many, query, values)

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[dict[str, Any]]]:
        readers = self._readers_of(query)
        with self._around(query):
            if readers is None:
                return await self._patiently(super().execute_query, query, values)
            rows = await _read(readers, query, values)
            return len(rows), rows

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        readers = self._readers_of(query)
        with self._around(query):
            if readers is None:
                return await self._patiently(super().execute_query_dict, query, values)
            return [dict(row) for row in await _read(readers, query, values)]


@translate_exceptions
async def _read(readers: Readers, query: str, values: list[Any] | None) -> Any:
    return await readers.rows(query, values)
