"""Several writes as one: all of them, or none, in as few round trips as the database can."""

from collections.abc import AsyncIterator
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
    """Writes that are done one by one, each at once."""

    async def add(self, statement: str, *values: Any) -> None:
        """Run a statement, now or together with the others; nobody learns what it changed."""
        await sql.execute(statement, *values)


# For whoever has no others to go with: the statement runs in the caller's transaction, if any.
AT_ONCE = Writes()


class RoundTrip(Writes):
    """The writes of one round trip, and whether they were done."""

    def __init__(self, *, lock: str) -> None:
        # What makes a SELECT hold off other writers of its rows.
        self.lock = lock
        self.done = False

    async def must(self, statement: str, *values: Any) -> None:
        """Run a statement that has to give a row; otherwise nothing is done at all."""
        if not await sql.fetch(statement, *values):
            raise _NoRow


class _Collected(RoundTrip):
    """Writes that are sent together, as common table expressions of one statement."""

    def __init__(self, *, lock: str) -> None:
        super().__init__(lock=lock)
        self._texts: list[str] = []
        self._values: list[Any] = []
        self._required: list[int] = []

    async def add(self, statement: str, *values: Any) -> None:
        self._texts.append(statement)
        self._values += values

    async def must(self, statement: str, *values: Any) -> None:
        self._required.append(len(self._texts))
        await self.add(statement, *values)

    async def run(self) -> bool:
        """What is required runs first, then the other writes, in their order.

        A division by zero takes everything back when a required statement gave no row.
        """
        statement = _together(tuple(self._texts), tuple(self._required))
        try:
            await sql.fetch(statement, *self._values)
        except OperationalError as error:
            if getattr(error.args[0], "sqlstate", None) == _DIVISION_BY_ZERO:
                return False
            raise
        return True


@lru_cache(1_000)
def _together(texts: tuple[str, ...], required: tuple[int, ...]) -> str:
    parts = ", ".join(f"s{number} AS ({text})" for number, text in enumerate(texts))
    product = " * ".join(f"(SELECT COUNT(*) FROM s{number})" for number in required)
    # A SELECT is only run when somebody looks at its rows.
    others = "".join(
        f", (SELECT COUNT(*) FROM s{number})"
        for number, text in enumerate(texts)
        if text.startswith("SELECT") and number not in required
    )
    return f"WITH {parts} SELECT 1 / ({product}) AS done{others}"


class _NoRow(Exception):
    """A required statement gave no row."""


@asynccontextmanager
async def one_round_trip() -> AsyncIterator[RoundTrip]:
    """Do the writes of this block together; `writes.done` tells afterwards whether they were.

    On PostgreSQL they are collected and sent as one statement, so that a hot row is locked no
    longer than its own commit takes; inside a transaction, and on SQLite, they run one by one.
    The block only writes, and each of its writes is given to `writes`, or to a function that takes
    `writes`: one that is not would be done alone.
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
