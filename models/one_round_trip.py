"""Several writes together, all or none, in as few round trips as the database allows."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from tortoise.backends.base.client import TransactionalDBClient
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from models import sql

_DIVISION_BY_ZERO = "22012"


class Writes:
    """Writes that run one by one, each at once."""

    async def add(self, statement: str, *values: Any) -> None:
        """Run a statement, now or together with the others; its row count is not returned."""
        await sql.execute(statement, *values)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Do something if and when these writes are committed; now, outside a transaction."""
        connection: Any = get_connection("default")
        while not hasattr(connection, "after_commit"):  # a savepoint of SQLite
            connection = connection._parent
        connection.after_commit(action)


# For a write on its own: the statement runs in the caller's transaction, if there is one.
AT_ONCE = Writes()


class Gathered(Writes):
    """Writes that `run` does, each statement once for all rows of values that were added for it.

    Statements run in the order in which they were first added: a write that must follow another
    one of a later row belongs into `Gathered` writes of its own.
    """

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {}

    async def add(self, statement: str, *values: Any) -> None:
        self._rows.setdefault(statement, []).append(values)

    async def run(self) -> None:
        """Do the writes, in the caller's transaction."""
        for statement, rows in self._rows.items():
            await sql.execute_many(statement, rows)
        self._rows.clear()


class RoundTrip(Writes):
    """The writes of one round trip, and whether they were done."""

    def __init__(self, *, lock: str) -> None:
        # Appended to a SELECT, it locks the rows against other writers.
        self.lock = lock
        self.done = False

    async def require(self, statement: str, *values: Any) -> None:
        """Run a statement that must return a row; otherwise none of the writes is done."""
        if not await sql.fetch(statement, *values):
            raise _NoRow


class _Collected(RoundTrip):
    """Writes that are sent together, as common table expressions of one statement."""

    def __init__(self, *, lock: str) -> None:
        super().__init__(lock=lock)
        self._texts: list[str] = []
        self._values: list[Any] = []
        self._required: list[int] = []
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, action: Callable[[], None]) -> None:
        self._after_commit.append(action)

    async def add(self, statement: str, *values: Any) -> None:
        self._texts.append(statement)
        self._values += values

    async def require(self, statement: str, *values: Any) -> None:
        self._required.append(len(self._texts))
        await self.add(statement, *values)

    async def run(self) -> bool:
        """Run the required statements first, then the other writes, in their order.

        If a required statement returns no row, a division by zero undoes all of them.
        """
        statement = _combined(tuple(self._texts), tuple(self._required))
        try:
            await sql.fetch(statement, *self._values)
        except OperationalError as error:
            if getattr(error.args[0], "sqlstate", None) == _DIVISION_BY_ZERO:
                return False
            raise
        for action in self._after_commit:
            action()
        return True


@lru_cache(1_000)
def _combined(texts: tuple[str, ...], required: tuple[int, ...]) -> str:
    parts = ", ".join(f"s{number} AS ({text})" for number, text in enumerate(texts))
    product = " * ".join(f"(SELECT COUNT(*) FROM s{number})" for number in required)
    # PostgreSQL runs a SELECT only if its rows are used.
    others = "".join(
        f", (SELECT COUNT(*) FROM s{number})"
        for number, text in enumerate(texts)
        if text.startswith("SELECT") and number not in required
    )
    return f"WITH {parts} SELECT 1 / ({product}) AS done{others}"


class _NoRow(Exception):
    """A required statement returned no row."""


@asynccontextmanager
async def one_round_trip() -> AsyncIterator[RoundTrip]:
    """Do the writes of this block together; afterwards `writes.done` says whether they were done.

    On PostgreSQL they are collected and sent as one statement, so that a hot row is locked only
    while that statement commits. Inside a transaction, and on SQLite, they run one by one. Every
    statement of the block must go through `writes`: any other would run on its own, before them.
    """
    connection = get_connection("default")
    is_postgres = sql.speaks_postgres(connection)
    lock = " FOR SHARE" if is_postgres else ""
    if not is_postgres or isinstance(connection, TransactionalDBClient):
        one_by_one = RoundTrip(lock=lock)
        try:
            async with in_transaction():
                yield one_by_one
            one_by_one.done = True
        except _NoRow:
            pass
        return
    collected = _Collected(lock=lock)
    yield collected
    collected.done = await collected.run()
