"""How much work a statement makes of a database, whatever the machine: rows, or steps of SQLite."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from models.database import configuration
from models.sql import _for_sqlite

# A page reads a few dozen rows; a scan of any of the large tables reads thousands. What counts or
# skips rows may read more of them.
MOST_ROWS = {"FIRST": 1_000, "PAGE": 8_000, "TOTAL": 40_000}
# Of SQLite's virtual machine, which takes 10 to 20 for a row.
STEPS_PER_ROW = 20
_STEP = 100


@dataclass(frozen=True)
class Work:
    """What a statement read: the most rows that one step of its plan read, and what is a fault."""

    rows: float
    faults: tuple[str, ...]
    plan: str

    def is_too_much_for(self, page: str) -> bool:
        if page == "TOTAL":
            # Whatever it reads first, it stops at the limit.
            return self.rows > MOST_ROWS[page]
        return bool(self.faults) or self.rows > MOST_ROWS.get(page, MOST_ROWS["FIRST"])

    def __str__(self) -> str:
        return "; ".join([f"{self.rows:,.0f} rows", *self.faults])


def large_tables(counts: dict[str, int]) -> set[str]:
    return {table for table, count in counts.items() if count > MOST_ROWS["FIRST"]}


class Postgres:
    """Runs statements by the generic plan, as the server does, and reads what they did."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._large: set[str] = set()

    @classmethod
    async def connect(cls, url: str) -> "Postgres":
        settings = configuration(url)["connections"]["default"]["credentials"]["server_settings"]
        found = await asyncpg.connect(
            url.replace("postgres://", "postgresql://", 1),
            server_settings=settings,
            statement_cache_size=0,
        )
        work = cls(found)
        tables = await found.fetch("SELECT relname FROM pg_class WHERE relkind = 'r'")
        names = [row[0] for row in tables if not row[0].startswith(("pg_", "sql_"))]
        counts = {name: await found.fetchval(f'SELECT COUNT(*) FROM "{name}"') for name in names}
        work._large = large_tables(counts)
        return work

    async def of(self, statement: str, values: Sequence[Any]) -> Work:
        await self._connection.execute("DEALLOCATE ALL")
        await self._connection.execute(f"PREPARE measured AS {statement}")
        given = f"({', '.join(map(_literal, values))})" if values else ""
        (row,) = await self._connection.fetch(
            f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE measured{given}"
        )
        plan = json.loads(row[0])[0]["Plan"]
        nodes = list(_nodes(plan))
        faults = tuple(fault for node in nodes for fault in self._faults(node))
        return Work(max(map(_rows, nodes)), faults, json.dumps(plan, indent=1))

    def _faults(self, plan: dict[str, Any]) -> Iterator[str]:
        kind = plan["Node Type"]
        if kind.startswith("Gather"):
            yield "parallel workers"
        if kind == "Seq Scan" and plan["Relation Name"] in self._large and plan["Actual Loops"]:
            yield f"scan of {plan['Relation Name']}"

    @asynccontextmanager
    async def without(self, index: str) -> AsyncIterator[None]:
        """The database as it would be without an index."""
        transaction = self._connection.transaction()
        await transaction.start()
        try:
            await self._connection.execute(f"DROP INDEX {index}")
            yield
        finally:
            await transaction.rollback()

    async def close(self) -> None:
        await self._connection.close()


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


def _rows(node: dict[str, Any]) -> float:
    removed = sum(value for name, value in node.items() if name.startswith("Rows Removed"))
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


class SQLite:
    """Runs statements and counts the steps of SQLite's virtual machine."""

    def __init__(self, path: str) -> None:
        self._database = sqlite3.connect(path)
        tables = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        counts = {
            name: self._database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0]
            for (name,) in tables.fetchall()
        }
        self._large = large_tables(counts)

    async def of(self, statement: str, values: Sequence[Any]) -> Work:
        given = [_for_sqlite(value) for value in values]
        plan = self._database.execute(f"EXPLAIN QUERY PLAN {statement}", given).fetchall()
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += _STEP

        self._database.set_progress_handler(step, _STEP)
        try:
            self._database.execute(statement, given).fetchall()
        finally:
            self._database.set_progress_handler(None, 0)
        return Work(steps / STEPS_PER_ROW, (), "\n".join(row[3] for row in plan))

    @asynccontextmanager
    async def without(self, index: str) -> AsyncIterator[None]:
        """The database as it would be without an index."""
        self._database.execute("BEGIN")
        try:
            self._database.execute(f"DROP INDEX {index}")
            yield
        finally:
            self._database.rollback()

    async def close(self) -> None:
        self._database.close()


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool | int):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime | UUID):
        return f"'{value}'"
    text = f"no literal for {type(value)}"
    raise TypeError(text)
