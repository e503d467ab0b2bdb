"""Fetch the pages of several lists of one kind, one per parent, in one statement."""

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
    """The SQL and model of one kind of list.

    `tables` (the text after FROM) are used by conditions and sorts; `joined` only adds columns.
    `read` turns rows into objects if they hold more than the model's columns.
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

    With `count` each page has its `total`: counted by another statement, or computed by `totals`.
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
        counts = await (totals(conditions) if totals else count_rows(listing.tables, conditions))
        for page, total in zip(pages, counts, strict=True):
            page.total = total
    return pages


def _list_statement(
    listing: Listing[Any], where: Condition, sort: Sort, request: PageRequest, number: int
) -> tuple[str, list[object]]:
    """The statement of one list and its values. It fetches one extra row, for `cut`."""
    by = sort.order_by(backwards=request.backwards)
    columns, tables = f"{number} AS scope, {listing.columns}", f"{listing.tables} {listing.joined}"
    if request.offset:
        # Skip rows in the index alone, and read only those of the page.
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


# Cached, so that the driver's cache of prepared statements gets the same string, already hashed.
@lru_cache(1_000)
def page_statement(columns: str, tables: str, where: str, bounds: str, by: str) -> str:
    """The statement of a page. Its last value is the maximum number of rows."""
    return f"SELECT {columns} FROM {tables} WHERE {where}{bounds} ORDER BY {by} LIMIT ?"


async def count_rows(tables: str, conditions: Sequence[Condition]) -> list[int]:
    """The number of rows in each list, in one statement. `tables` is the text after FROM."""
    return await sums("COUNT(*)", tables, conditions)


async def sums(total: str, tables: str, conditions: Sequence[Condition]) -> list[int]:
    """The SQL expression `total` for each condition, in one statement; 0 if there is no row."""
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
