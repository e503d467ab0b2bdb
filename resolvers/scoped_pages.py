"""Pages of several lists of one kind, below several parents, in one statement."""

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

from tortoise.models import Model

from models import sql
from resolvers.keyset import Page, PageRequest, Sort, cut
from resolvers.viewer import Condition

M = TypeVar("M", bound=Model)
Totals = Callable[[Sequence[Condition]], Awaitable[list[int]]]


class Listing(NamedTuple, Generic[M]):
    """What lists of one kind are made of.

    `tables` (what follows FROM) are those that conditions and orders speak of; `joined` only adds
    columns. `read` makes objects of the rows when there is more to them than the model's columns.
    """

    model: type[M]
    columns: str
    tables: str
    joined: str = ""
    read: Callable[[list[sql.Row]], list[M]] | None = None

    def objects(self, rows: list[sql.Row]) -> list[M]:
        return self.read(rows) if self.read else sql.hydrate(self.model, rows)


async def list_pages(
    listing: Listing[M],
    conditions: Sequence[Condition],
    sort: Sort,
    request: PageRequest,
    *,
    count: bool = False,
    totals: Totals | None = None,
) -> list[Page[M]]:
    """A page of each list, given by its condition, all in one statement.

    `total` only with `count`: by another statement, or by `totals` where something knows better.
    """
    parts, values = [], list[object]()
    for number, where in enumerate(conditions):
        text, bound = _list_statement(listing, where, sort, request, number)
        parts.append(f"SELECT * FROM ({text}) s{number}")
        values += bound
    rows = await sql.fetch(" UNION ALL ".join(parts), *values, types=sql.types_of(listing.model))
    scopes: list[list[sql.Row]] = [[] for _ in conditions]
    for row in rows:
        scopes[row["scope"]].append(row)
    pages = [cut(listing.objects(rows), request, sort) for rows in scopes]
    if count:
        found = await (totals(conditions) if totals else count_rows(listing.tables, conditions))
        for page, total in zip(pages, found, strict=True):
            page.total = total
    return pages


def _list_statement(
    listing: Listing[Any], where: Condition, sort: Sort, request: PageRequest, number: int
) -> tuple[str, list[object]]:
    """The statement of one list with its values: one row more than asked for, for `cut`."""
    by = sort.order_by(backwards=request.backwards)
    columns, tables = f"{number} AS scope, {listing.columns}", f"{listing.tables} {listing.joined}"
    if request.offset:
        # Rows are counted off in the index alone; only those of the page are read.
        key = sort.terms[-1].sql
        inner = page_statement(f"{key} AS id", listing.tables, where.text, "", by)
        text = (
            f"SELECT {columns} FROM {tables}"
            f" WHERE {key} IN (SELECT id FROM ({inner} OFFSET ?) page) ORDER BY {by}"
        )
        return text, [*where.values, request.size + 1, request.offset]
    bounds = request.bounds(sort)
    text = page_statement(columns, tables, where.text, bounds.text, by)
    return text, [*where.values, *bounds.values, request.size + 1]


# Made once: so that it is found again, here and by the driver, by its hash.
@lru_cache(1_000)
def page_statement(columns: str, tables: str, where: str, bounds: str, by: str) -> str:
    """The statement of a page, whose last value is how many rows it takes."""
    return f"SELECT {columns} FROM {tables} WHERE {where}{bounds} ORDER BY {by} LIMIT ?"


async def count_rows(tables: str, conditions: Sequence[Condition]) -> list[int]:
    """How many rows each list holds, in one statement. `tables` is what follows FROM."""
    return await sums("COUNT(*)", tables, conditions)


async def sums(total: str, tables: str, conditions: Sequence[Condition]) -> list[int]:
    """What `total` is in the rows of each condition, in one statement; 0 where there is no row."""
    parts = [
        f"SELECT {number} AS scope, {total} AS total FROM {tables} WHERE {where.text}"
        for number, where in enumerate(conditions)
    ]
    values = [value for where in conditions for value in where.values]
    rows = await sql.fetch(" UNION ALL ".join(parts), *values)
    totals = {row["scope"]: int(row["total"]) for row in rows}
    return [totals.get(number, 0) for number in range(len(conditions))]


def all_of(*conditions: Condition) -> Condition:
    """The condition that all of them hold."""
    return Condition(
        " AND ".join(condition.text for condition in conditions),
        tuple(value for condition in conditions for value in condition.values),
    )
