"""Fetch the pages of several lists of one kind, one per parent, in one statement."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Generic, NamedTuple, TypeVar

from tortoise.models import Model

from models import sql
from resolvers.keyset import MAX_COUNTED, Page, PageRequest, Sort, Total, cut
from resolvers.viewer import NEVER, Condition

M = TypeVar("M", bound=Model)
Totals = Callable[[], Awaitable[list[Total]]]


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


class Run(NamedTuple):
    """Rows of a list that one index holds in the list's order.

    `lead` are the values that all of them have for the first terms of the sort: within the run the
    others decide. `tables` and `sort` replace those of the list, with the same keys, where an index
    of another table holds the run.
    """

    where: Condition
    lead: tuple[int, ...] = ()
    tables: str | None = None
    sort: Sort | None = None


async def list_pages(
    listing: Listing[M],
    conditions: Sequence[Condition],
    sort: Sort,
    request: PageRequest,
    *,
    count: bool = False,
) -> list[Page[M]]:
    """A page of each list, given by its condition; with `count` also its total, up to a limit."""
    totals = partial(count_up_to_limit, listing.tables, conditions) if count else None
    lists = [[Run(where)] for where in conditions]
    return await list_runs(listing, lists, sort, request, totals=totals)


async def list_runs(
    listing: Listing[M],
    lists: Sequence[Sequence[Run]],
    sort: Sort,
    request: PageRequest,
    *,
    totals: Totals | None = None,
) -> list[Page[M]]:
    """A page of each list, given by its runs, all in one statement.

    With `totals` each page has its `total`, computed by another statement.
    """
    parts, values = [], list[object]()
    for number, runs in enumerate(lists):
        part = page_of_runs(
            f"{number} AS scope, {listing.columns}",
            (listing.tables, listing.joined),
            runs,
            sort,
            request,
        )
        parts.append(f"SELECT * FROM ({part.text}) s{number}")
        values += part.values
    rows = await sql.fetch(" UNION ALL ".join(parts), *values, types=sql.types_of(listing.model))
    scopes: list[list[sql.Row]] = [[] for _ in lists]
    for row in rows:
        scopes[row["scope"]].append(row)
    pages = [cut(listing.objects(rows), request, sort) for rows in scopes]
    if totals is not None:
        for page, total in zip(pages, await totals(), strict=True):
            page.total = total
    return pages


def page_of_runs(
    columns: str, tables: tuple[str, str], runs: Sequence[Run], sort: Sort, request: PageRequest
) -> Condition:
    """The statement of a page with one extra row, for `cut`, and its values.

    `tables` is the text after FROM: what conditions and sorts use, and what only adds columns.
    """
    texts, values = list[_Source](), list[object]()
    for run in runs:
        own = run.sort or sort
        bounds = request.bounds(own, run.lead)
        if bounds is not None:
            by = own.order_by(backwards=request.backwards, after=len(run.lead))
            where = f"{run.where.text}{bounds.text}"
            keys = tuple(term.sql for term in own.terms)
            texts.append(_Source(run.tables or tables[0], where, by, keys))
            values += (*run.where.values, *bounds.values)
    by, size = sort.order_by(backwards=request.backwards), request.size + 1
    if not texts:
        return Condition(_statement(columns, " ".join(tables), NEVER.text, by, size))
    if len(texts) == 1 and texts[0].tables == tables[0] and not request.offset:
        [only] = texts
        text = _statement(columns, " ".join(tables), only.where, only.by, size)
        return Condition(text, tuple(values))
    furthest = None
    if request.offset:
        values.append(request.offset)
        # Rounded up, so that few statements are prepared.
        furthest = 1 << (request.offset + size).bit_length()
    direction = sort.direction(backwards=request.backwards)
    merged = ", ".join(f"k{number} {direction}" for number in range(len(sort.terms)))
    orders, id_ = (merged, by), sort.terms[-1].sql
    text = _merged(columns, tables, tuple(texts), id_, orders, size, furthest)
    return Condition(text, tuple(values))


class _Source(NamedTuple):
    """The parts of a run's statement."""

    tables: str
    where: str
    by: str
    keys: tuple[str, ...]


# Cached, so that the driver's cache of prepared statements gets the same string, already hashed.
@lru_cache(1_000)
def _statement(columns: str, tables: str, where: str, by: str, limit: int) -> str:
    """The statement of one run.

    The limit is a literal: for an unknown one PostgreSQL would expect a tenth of the table, and
    start parallel workers for it.
    """
    return f"SELECT {columns} FROM {tables} WHERE {where} ORDER BY {by} LIMIT {limit}"


@lru_cache(1_000)
def _merged(
    columns: str,
    tables: tuple[str, str],
    runs: tuple[_Source, ...],
    id_: str,
    orders: tuple[str, str],
    limit: int,
    furthest: int | None,
) -> str:
    """The statement of a page of several runs, or of a numbered page.

    It sorts and skips keys, and reads whole rows only of the page. SQLite keeps the order of a
    CROSS JOIN.
    """
    # Not UNION ALL: a row may be in two runs.
    parts = " UNION ".join(
        f"SELECT * FROM ({_keys_of(run, furthest or limit)}) r{number}"
        for number, run in enumerate(runs)
    )
    skip = " OFFSET ?" if furthest else ""
    page = f"SELECT * FROM ({parts}) merged ORDER BY {orders[0]} LIMIT {limit}{skip}"
    last = len(runs[0].keys) - 1
    return (
        f"SELECT {columns} FROM ({page}) page CROSS JOIN {tables[0]} {tables[1]}"
        f" WHERE {id_} = page.k{last} ORDER BY {orders[1]}"
    )


def _keys_of(run: _Source, limit: int) -> str:
    keys = ", ".join(f"{key} AS k{number}" for number, key in enumerate(run.keys))
    return _statement(keys, run.tables, run.where, run.by, limit)


async def count_rows(tables: str, conditions: Sequence[Condition]) -> list[Total]:
    """The number of rows in each list, in one statement. `tables` is the text after FROM."""
    return await sums("COUNT(*)", tables, conditions)


async def count_up_to_limit(tables: str, conditions: Sequence[Condition]) -> list[Total]:
    """The number of rows in each list, counted no further than MAX_COUNTED, in one statement."""
    return await count_runs(tables, "1", [[Run(where)] for where in conditions])


async def count_runs(
    tables: str, id_: str, lists: Sequence[Sequence[Run]], most: int | None = None
) -> list[Total]:
    """The number of different rows in the runs of each list, counted no further than `most`.

    That is MAX_COUNTED, unless given.
    """
    most = MAX_COUNTED if most is None else most
    parts, conditions = [], []
    for runs in lists:
        texts = [
            f"SELECT * FROM (SELECT {id_} AS id FROM {tables} WHERE {run.where.text}"
            f" LIMIT {most + 1}) r{number}"
            for number, run in enumerate(runs)
        ]
        parts.append(f"({' UNION '.join(texts) or f'SELECT 1 WHERE {NEVER.text}'}) counted")
        conditions.append(all_of(*(run.where for run in runs)))
    numbers = await _totals("COUNT(*)", parts, conditions)
    return [Total(most, is_exact=False) if each > most else Total(each) for each in numbers]


async def sums(total: str, tables: str, conditions: Sequence[Condition]) -> list[Total]:
    """The SQL expression `total` for each condition, in one statement; 0 if there is no row."""
    parts = [f"{tables} WHERE {where.text}" for where in conditions]
    return [Total(each) for each in await _totals(total, parts, conditions)]


async def _totals(total: str, parts: Sequence[str], conditions: Sequence[Condition]) -> list[int]:
    """The expression `total` of the rows of each part, a text after FROM with its condition."""
    if not parts:
        return []
    texts = [
        f"SELECT {number} AS scope, {total} AS total FROM {part}"
        for number, part in enumerate(parts)
    ]
    values = [value for where in conditions for value in where.values]
    rows = await sql.fetch(" UNION ALL ".join(texts), *values)
    totals = {row["scope"]: int(row["total"] or 0) for row in rows}
    return [totals.get(number, 0) for number in range(len(parts))]


def all_of(*conditions: Condition) -> Condition:
    """The condition that all of them hold."""
    return Condition(
        " AND ".join(condition.text for condition in conditions),
        tuple(value for condition in conditions for value in condition.values),
    )


def beside_cursors(
    column: str, request: PageRequest, *, descending: bool = True
) -> tuple[str, str]:
    """The column for a lower and for an upper bound, in a list that may be sorted by it.

    A cursor bounds it on one side: there SQLite must not choose the other bound for its index.
    """
    above, below = request.before, request.after
    if not descending:
        above, below = below, above
    return (
        column if above is None else sql.without_index(column),
        column if below is None else sql.without_index(column),
    )


def between(
    column: str,
    since: datetime | None,
    before: datetime | None,
    request: PageRequest,
    *,
    descending: bool = True,
) -> list[Condition]:
    """The conditions that the column lies in a period, in a list that may be sorted by it."""
    lower, upper = beside_cursors(column, request, descending=descending)
    conditions = []
    if since is not None:
        conditions.append(Condition(f"{lower} >= ?", (since,)))
    if before is not None:
        conditions.append(Condition(f"{upper} < ?", (before,)))
    return conditions
