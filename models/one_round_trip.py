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
    """The writes of one round trip, and whether they were done."""

    def __init__(self, collected: list[tuple[str, tuple[Any, ...]]] | None, *, lock: str) -> None:
        self._collected = collected
        # What makes a SELECT hold off other writers of its rows.
        self.lock = lock
        self._required: list[int] = []
        self.done = False

    async def must(self, statement: str, *values: Any) -> None:
        """Run a statement that has to give a row; otherwise nothing is done at all."""
        if self._collected is not None:
            self._required.append(len(self._collected))
            self._collected.append((statement, values))
        elif not await sql.fetch(statement, *values):
            raise _NoRow

    async def run(self) -> bool:
        """As common table expressions of one statement.

        What is counted runs first, then the other writes, in their order. A division by zero
        takes everything back when a required statement gave no row.
        """
        collected = self._collected or []
        statement = _together(tuple(text for text, _ in collected), tuple(self._required))
        try:
            await sql.fetch(statement, *(value for _, bound in collected for value in bound))
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
async def one_round_trip() -> AsyncIterator[Writes]:
    """Do the writes of this block together; `writes.done` tells afterwards whether they were.

    On PostgreSQL they are collected and sent as one statement, so that a hot row is locked no
    longer than its own commit takes; inside a transaction, and on SQLite, they run one by one.
    The block only writes: by `writes.must`, and by whatever calls `sql.execute`.
    """
    connection = get_connection("default")
    is_postgres = sql.speaks_postgres(connection)
    lock = " FOR SHARE" if is_postgres else ""
    if not is_postgres or isinstance(connection, TransactionalDBClient):
        writes = Writes(None, lock=lock)
        try:
            async with in_transaction():
                yield writes
            writes.done = True
        except _NoRow:
            pass
        return
    collected: list[tuple[str, tuple[Any, ...]]] = []
    writes = Writes(collected, lock=lock)
    token = sql.collecting.set(collected)
    try:
        yield writes
    finally:
        sql.collecting.reset(token)
    writes.done = await writes.run()
