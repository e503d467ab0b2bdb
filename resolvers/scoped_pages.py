"""Pages of several lists of one kind, below several parents, in one statement."""

from collections.abc import Sequence

from models import sql
from resolvers.keyset import Order, PageRequest
from resolvers.viewer import Condition


async def fetch_pages(
    select: str, conditions: Sequence[Condition], order: Order, request: PageRequest
) -> list[list[sql.Row]]:
    """One row more than asked for of each list, in the direction of travel, for `keyset.cut`.

    `select` ends before its WHERE; each condition is that of one list.
    """
    bounds, by = request.bounds(order), order.by(backwards=request.backwards)
    parts, values = [], list[object]()
    for number, where in enumerate(conditions):
        part = f"{select} WHERE {where.text}{bounds.text} ORDER BY {by} LIMIT ?"
        part = part.replace("SELECT ", f"SELECT {number} AS scope, ", 1)
        parts.append(f"SELECT * FROM ({part}) s{number}")
        values += [*where.values, *bounds.values, request.size + 1]
    found: list[list[sql.Row]] = [[] for _ in conditions]
    for row in await sql.fetch(" UNION ALL ".join(parts), *values):
        found[row["scope"]].append(row)
    return found


async def count_rows(tables: str, conditions: Sequence[Condition]) -> list[int]:
    """How many rows each list holds, in one statement. `tables` is what follows FROM."""
    parts = [
        f"SELECT {number} AS scope, COUNT(*) AS total FROM {tables} WHERE {where.text}"
        for number, where in enumerate(conditions)
    ]
    values = [value for where in conditions for value in where.values]
    rows = await sql.fetch(" UNION ALL ".join(parts), *values)
    totals = {row["scope"]: int(row["total"]) for row in rows}
    return [totals[number] for number in range(len(conditions))]


def all_of(*conditions: Condition) -> Condition:
    """The condition that all of them hold."""
    return Condition(
        " AND ".join(condition.text for condition in conditions),
        tuple(value for condition in conditions for value in condition.values),
    )
