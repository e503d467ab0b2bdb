"""A service, its rating and a page of its reviews, fetched together: what storefronts ask for."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from models import Review, sql
from models.rating_tally import STAR_COUNTS
from resolvers import review_list, services
from resolvers.keyset import PageRequest
from resolvers.ref import Ref
from resolvers.review_list import ReviewFilter, ReviewSort
from resolvers.review_lookup import TABLES, column
from resolvers.scoped_pages import page_statement
from resolvers.viewer import Condition, Viewer, visible_reviews


class ReviewsRequest(NamedTuple):
    """Which of a service's reviews are wanted, and whether with the number of all of them."""

    filter: ReviewFilter
    sort: ReviewSort
    request: PageRequest
    with_total: bool


class Columns(NamedTuple):
    """What is read of a review, and of its service: as SQL, with what is joined to the latter."""

    review: str
    service: str
    joined: str = ""

    @classmethod
    def named(cls, names: Collection[str]) -> "Columns":
        """Those of names: a service's with `its_`, its counters, its `seller_`, or a review's."""
        its = {name for name in names if name in services.READABLE}
        return cls(
            ", ".join(map(column, sorted(_SORT_KEYS.union(names) - its))),
            ", ".join(services.READABLE[name] for name in sorted(its)) or "s.id AS its_id",
            services.WITH_SELLER if any(name.startswith("seller_") for name in its) else "",
        )


# Where a review stands in any order.
_SORT_KEYS = {"id", "created_at", "rating", "helpful_count"}
TYPES = sql.types_of(Review) | services.TYPES


def fits_one_statement(part: ReviewsRequest) -> bool:
    """Whether PostgreSQL has it in one statement: no numbered page, no total to be counted."""
    if part.request.offset:
        return False
    return not part.with_total or review_list.counters_cover(part.filter)


def total_of(row: Mapping[str, Any], part: ReviewsRequest) -> int | None:
    """How many reviews the service has in all, if that was wanted."""
    if not part.with_total:
        return None
    counted = (f"n{part.filter.rating}",) if part.filter.rating else STAR_COUNTS
    return sum([row[name] or 0 for name in (*counted, "hidden")])


class StorefrontStatement(NamedTuple):
    """A statement that lacks nothing but the service's name, and its values so far.

    `page` is the second one of SQLite, which cannot join a page to its parent: it lacks the
    service's id, as the first of its values.
    """

    text: str
    values: tuple[Any, ...]
    page: tuple[str, tuple[Any, ...]] | None = None

    def bound_to(self, ref: Ref) -> tuple[Any, ...]:
        """The whole statement and all of its values."""
        if ref.id is None:
            return _finished(self.text, "external_id"), *self.values, ref.external_id
        return _finished(self.text, "id"), *self.values, ref.id

    async def reviews(self, fetch: sql.Fetch, rows: Sequence[sql.Record]) -> Sequence[sql.Record]:
        """The reviews in the rows of the statement, or those of the second one."""
        if self.page is None:
            return () if rows[0]["id"] is None else rows
        text, values = self.page
        return await fetch(text, rows[0]["its_id"], *values)


def storefront_statement(
    viewer: Viewer, part: ReviewsRequest | None, columns: Columns
) -> StorefrontStatement:
    """What shows a service to a viewer, with that part of its reviews or alone.

    The rows are one more than wanted, with the service's columns in each; of no reviews, there is
    one without an id.
    """
    if part is None:
        return StorefrontStatement(f"SELECT {columns.service} {services.FROM}{columns.joined}", ())
    sort, request = review_list.SORTS[part.sort], part.request
    visible, unknown = visible_reviews(viewer), Condition("")
    if part.with_total and (hidden := review_list.not_in_counters(viewer, part.filter)):
        unknown = review_list.within("s.id", hidden, part.filter)
    joins = sql.is_postgres()
    where = review_list.within("s.id" if joins else "?", visible, part.filter)
    bounds, by = request.bounds(sort), sort.order_by(backwards=request.backwards)
    page = page_statement(columns.review, TABLES, where.text, bounds.text, by)
    values = (*where.values, *bounds.values, request.size + 1)
    if joins:
        return StorefrontStatement(_joined(columns, unknown.text, page), (*unknown.values, *values))
    return StorefrontStatement(_alone(columns, unknown.text), unknown.values, (page, values))


# Made once: so that it is found again, here and by the driver, by its hash.
@lru_cache(1_000)
def _joined(columns: Columns, hidden: str, page: str) -> str:
    # Counted once, not for each row.
    unknown = (
        f"SELECT COUNT(*) AS hidden FROM review r WHERE {hidden}"
        if hidden
        else "SELECT 0 AS hidden"
    )
    # The service's columns come last: of two named service_id, that of no review must not win.
    return (
        f"SELECT p.*, {columns.service}, h.hidden {services.FROM}{columns.joined}"
        f" CROSS JOIN LATERAL ({unknown}) h LEFT JOIN LATERAL ({page}) p ON TRUE"
    )


@lru_cache(1_000)
def _alone(columns: Columns, hidden: str) -> str:
    unknown = f"(SELECT COUNT(*) FROM review r WHERE {hidden})" if hidden else "0"
    return f"SELECT {columns.service}, {unknown} AS hidden {services.FROM}{columns.joined}"


@lru_cache(1_000)
def _finished(text: str, column: str) -> str:
    return f"{text} WHERE s.{column} = ?"
