"""Lists of reviews: of a service, of a vendor, of the whole site, filtered and in any order."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from models import Review, ReviewStatus, sql
from resolvers import user_text
from resolvers.errors import Invalid, RatingOutOfRange
from resolvers.keyset import Order, Page, PageRequest, Term, cut, newest
from resolvers.ref import Ref
from resolvers.review_lookup import FROM, LISTED
from resolvers.viewer import Condition, Viewer, hidden_reviews, visible_reviews

_NEWEST = newest("r")
_SELECT = f"SELECT {LISTED} {FROM}"


class ReviewOrder(StrEnum):
    NEWEST = "NEWEST"
    HIGHEST = "HIGHEST"
    LOWEST = "LOWEST"
    MOST_HELPFUL = "MOST_HELPFUL"


# The newest of equals come first, also of the lowest: all terms run the same way.
ORDERS: dict[ReviewOrder, Order] = {
    ReviewOrder.NEWEST: _NEWEST,
    ReviewOrder.HIGHEST: Order(
        "HIGHEST",
        (Term("r.rating", limit=2**15), *_NEWEST.terms),
        lambda row: [row["rating"], *_NEWEST.key_of(row)],
    ),
    ReviewOrder.LOWEST: Order(
        "LOWEST",
        (Term("(6 - r.rating)"), *_NEWEST.terms),
        lambda row: [6 - row["rating"], *_NEWEST.key_of(row)],
    ),
    ReviewOrder.MOST_HELPFUL: Order(
        "MOST_HELPFUL",
        (Term("r.helpful_count"), *_NEWEST.terms),
        lambda row: [row["helpful_count"], *_NEWEST.key_of(row)],
    ),
}


class ReviewFilter(NamedTuple):
    """What narrows a list. Everything given must hold. It never widens what the viewer may see."""

    service: Ref | None = None
    vendor: Ref | None = None
    rating: int | None = None
    status: ReviewStatus | None = None
    search: str | None = None
    has_reply: bool | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


ANY = ReviewFilter()


class Scope(NamedTuple):
    """Whose reviews: of one service, of one vendor, or (with no id) of the site."""

    subject: str | None = None
    subject_id: UUID | None = None


async def list_reviews(
    viewer: Viewer,
    scopes: Sequence[Scope],
    filter: ReviewFilter,
    order: ReviewOrder,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[Review]]:
    """A page for each scope, in their order, all in one statement; `total` only with `count`.

    Raises Invalid and RatingOutOfRange for a filter or a cursor that makes no sense.
    """
    conditions = [_where(visible_reviews(viewer), scope, filter) for scope in scopes]
    listed = ORDERS[order]
    found = await _fetch(conditions, listed, request)
    pages = [cut(rows, request, listed) for rows in found]
    if count:
        totals = await _totals(viewer, scopes, filter, conditions)
        for page, total in zip(pages, totals, strict=True):
            page.total = total
    return pages


async def _fetch(
    conditions: Sequence[Condition], order: Order, request: PageRequest
) -> list[list[Review]]:
    bounds = request.bounds(order)
    by = order.by(backwards=request.backwards)
    parts, values = [], []
    for number, where in enumerate(conditions):
        if request.offset:
            # Rows are counted off in the index alone; only those of the page are read.
            inner = f"SELECT r.id FROM review r WHERE {where.text} ORDER BY {by} LIMIT ? OFFSET ?"
            part = f"{_SELECT} WHERE r.id IN (SELECT id FROM ({inner}) page) ORDER BY {by}"
            values += [*where.values, request.size + 1, request.offset]
        else:
            part = f"{_SELECT} WHERE {where.text}{bounds.text} ORDER BY {by} LIMIT ?"
            values += [*where.values, *bounds.values, request.size + 1]
        parts.append(f"SELECT {number} AS scope, s{number}.* FROM ({part}) s{number}")
    found: list[list[Review]] = [[] for _ in conditions]
    for row in await sql.fetch(" UNION ALL ".join(parts), *values):
        found[row["scope"]].extend(sql.hydrate(Review, [row]))
    return found


def counters_know(filter: ReviewFilter) -> bool:
    """Whether the total of one service or vendor stands in its counters, but for hidden reviews."""
    if filter == ANY:
        return True
    if filter.status not in {None, ReviewStatus.APPROVED}:
        return False
    return filter == ReviewFilter(rating=filter.rating, status=filter.status)


def within(service: str, visible: Condition, filter: ReviewFilter) -> Condition:
    """The condition that a visible review `r` is one of a service's, given as SQL."""
    where = visible if filter == ANY else _where(visible, Scope(), filter)
    return Condition(f"r.service_id = {service} AND {where.text}", where.values)


def unknown_to_counters(viewer: Viewer, filter: ReviewFilter) -> Condition | None:
    """The reviews that a total needs beside the counters: hidden ones, if the viewer sees any."""
    return hidden_reviews(viewer) if filter.status is None else None


def _where(visible: Condition, scope: Scope, filter: ReviewFilter) -> Condition:
    parts: list[str] = []
    values: list[object] = []

    def add(condition: Condition) -> None:
        parts.append(condition.text)
        values.extend(condition.values)

    if scope.subject is not None:
        add(Condition(f"r.{scope.subject}_id = ?", (scope.subject_id,)))
    for subject, ref in (("service", filter.service), ("vendor", filter.vendor)):
        if ref is not None:
            named = ref.id_in(subject)
            add(Condition(f"r.{subject}_id = {named.text}", named.values))
    add(visible)
    for condition in _narrowing(filter):
        add(condition)
    return Condition(" AND ".join(parts), tuple(values))


def _narrowing(filter: ReviewFilter) -> list[Condition]:
    conditions = []
    if filter.status is not None:
        # As text of the statement: the planner sees which index fits.
        conditions.append(Condition(f"r.status = '{filter.status.value}'"))
    if filter.rating is not None:
        if not 1 <= filter.rating <= 5:
            raise RatingOutOfRange("filter", "rating")
        conditions.append(Condition("r.rating = ?", (filter.rating,)))
    if filter.search is not None:
        conditions.append(_search(filter.search))
    if filter.has_reply is not None:
        conditions.append(Condition(f"r.replied_at IS {'NOT ' if filter.has_reply else ''}NULL"))
    if filter.created_after is not None:
        conditions.append(Condition("r.created_at >= ?", (filter.created_after,)))
    if filter.created_before is not None:
        conditions.append(Condition("r.created_at < ?", (filter.created_before,)))
    return conditions


def _search(search: str) -> Condition:
    """Reviews whose text holds these words as typed; `%` and `_` mean themselves."""
    words = user_text.fold(user_text.plain(search))
    if len(words) > 200:
        raise Invalid("filter", "search", message="Search for 200 characters at most.")
    position = "strpos" if sql.is_postgres() else "instr"
    return Condition(f"{position}(r.body_folded, ?) > 0", (words,))


async def _totals(
    viewer: Viewer, scopes: Sequence[Scope], filter: ReviewFilter, conditions: Sequence[Condition]
) -> list[int]:
    subject = _counted(scopes, filter)
    if subject is None:
        return await _count(conditions)
    totals = await _published(subject, filter.rating)
    hidden = unknown_to_counters(viewer, filter)
    if hidden is not None:
        unknown = await _count([_where(hidden, scope, filter) for scope in scopes])
        totals = [a + b for a, b in zip(totals, unknown, strict=True)]
    return totals


def _counted(scopes: Sequence[Scope], filter: ReviewFilter) -> list[Condition] | None:
    """The subjects whose counters hold the totals; None when rows must be counted."""
    if not counters_know(filter._replace(service=None, vendor=None)):
        return None
    named = [
        ref.id_in(table)
        for table, ref in (("service", filter.service), ("vendor", filter.vendor))
        if ref is not None
    ]
    if all(scope.subject is not None for scope in scopes) and not named:
        return [Condition("?", (scope.subject_id,)) for scope in scopes]
    if all(scope.subject is None for scope in scopes) and len(named) == 1:
        return named
    return None


async def _published(subjects: Sequence[Condition], rating: int | None) -> list[int]:
    columns = f"n{rating}" if rating else "n1 + n2 + n3 + n4 + n5"
    parts = [
        f"SELECT {number} AS scope, {columns} AS total FROM rating_counter"
        f" WHERE subject_id = {subject.text}"
        for number, subject in enumerate(subjects)
    ]
    values = [value for subject in subjects for value in subject.values]
    rows = await sql.fetch(" UNION ALL ".join(parts), *values)
    totals = {row["scope"]: row["total"] for row in rows}
    return [totals.get(number, 0) for number in range(len(subjects))]


async def _count(conditions: Sequence[Condition]) -> list[int]:
    parts = [
        f"SELECT {number} AS scope, COUNT(*) AS total FROM review r WHERE {where.text}"
        for number, where in enumerate(conditions)
    ]
    values = [value for where in conditions for value in where.values]
    rows = await sql.fetch(" UNION ALL ".join(parts), *values)
    totals = {row["scope"]: row["total"] for row in rows}
    return [totals[number] for number in range(len(conditions))]
