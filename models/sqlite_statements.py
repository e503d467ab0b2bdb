"""SQLite's statements outside transactions: on which connection they run, and their errors."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from tortoise.backends.base.client import ConnectionWrapper
from tortoise.backends.sqlite.client import SqliteClient, translate_exceptions

from models.outcome import Commit, NoCommit, around
from models.sqlite_readers import Readers
from models.sqlite_stopping import release_later

T = TypeVar("T")


class Loan(ConnectionWrapper[Any]):
    """The writing connection for one statement.

    Releases the lock if the first connect is cancelled, where Tortoise's own class keeps it
    forever, and stops an abandoned statement.
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
            release_later(self.connection, self._lock.release, interrupt=True)
        else:
            self._lock.release()


def may_still_run(error: BaseException | None) -> bool:
    """Whether the statement was abandoned, and may still be running."""
    return error is not None and (
        not isinstance(error, Exception) or isinstance(error, TimeoutError)
    )


class TranslatingClient(SqliteClient):
    """Translates the driver's errors by `models.unavailable`, and runs reads on the readers."""

    def _around(self, statement: str) -> Commit | NoCommit:
        return around(statement)

    def _readers_for(self, statement: str) -> Readers | None:
        """The readers for this statement, or None if it must run on the writer."""
        raise NotImplementedError

    async def _retry_while_busy(self, run: Callable[..., Awaitable[T]], *given: Any) -> T:
        """Run something that may have to wait for another process's write."""
        raise NotImplementedError

    async def execute_insert(self, query: str, values: list[Any]) -> int:
        with self._around(query):
            return await self._retry_while_busy(super().execute_insert, query, values)

    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        with self._around(query):
            await self._retry_while_busy(super().execute_many, query, values)

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[dict[str, Any]]]:
        readers = self._readers_for(query)
        with self._around(query):
            if readers is None:
                return await self._retry_while_busy(super().execute_query, query, values)
            rows = await _read(readers, query, values)
            return len(rows), rows

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        readers = self._readers_for(query)
        with self._around(query):
            if readers is None:
                return await self._retry_while_busy(super().execute_query_dict, query, values)
            return [dict(row) for row in await _read(readers, query, values)]


@translate_exceptions
async def _read(readers: Readers, query: str, values: list[Any] | None) -> Any:
    return await readers.rows(query, values)
