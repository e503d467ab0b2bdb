"""A service, its rating and a page of its reviews in one statement, as storefronts request them."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from models import Review, sql
from models.rating_tally import STAR_COUNTS
from resolvers import review_list, services
from resolvers.keyset import PageRequest
from resolvers.ref import Ref
from resolvers.review_list import ReviewFilter, ReviewSort
from resolvers.review_lookup import AUTHOR, column
from resolvers.scoped_pages import page_of_runs
from resolvers.viewer import Condition, Viewer


class ReviewsRequest(NamedTuple):
    """Which page of a service's reviews is requested, and whether with the total."""

    filter: ReviewFilter
    sort: ReviewSort
    request: PageRequest
    with_total: bool


class Columns(NamedTuple):
    """The SQL columns to read of a review and of its service, and the latter's joins."""

    review: str
    service: str
    joined: str = ""

    @classmethod
    def named(cls, names: Collection[str]) -> "Columns":
        """By name: `its_…` of the service, `seller_…` of its vendor, counters, or a review's."""
        of_service = sorted(name for name in names if name in services.READABLE)
        of_review = sorted(_SORT_KEYS.union(names).difference(of_service))
        with_seller = any(name.startswith("seller_") for name in of_service)
        return cls(
            ", ".join(column(name) for name in of_review),
            ", ".join(services.READABLE[name] for name in of_service) or "s.id AS its_id",
            services.WITH_SELLER if with_seller else "",
        )


# The columns that any sort of reviews needs.
_SORT_KEYS = {"id", "created_at", "rating", "helpful_count"}
TYPES = sql.types_of(Review) | services.TYPES
_ITS_ID = object()


def fits_one_statement(reviews: ReviewsRequest) -> bool:
    """Whether it reads indexes alone: no total needs counting, and no filter a scan."""
    if review_list.may_scan(reviews.filter, reviews.sort, of_vendors=False):
        return False
    return not reviews.with_total or review_list.counters_cover(reviews.filter)


def total_of(row: Mapping[str, Any], reviews: ReviewsRequest) -> int | None:
    """The total of the requested reviews; None if it was not requested."""
    if not reviews.with_total:
        return None
    counted = (f"n{reviews.filter.rating}",) if reviews.filter.rating else STAR_COUNTS
    return sum([row[name] or 0 for name in (*counted, "hidden")])


class StorefrontStatement(NamedTuple):
    """A statement without its last condition, which names the service, and the values so far.

    `page` is a second statement for SQLite, which has no LATERAL joins; among its values
    _ITS_ID stands for the service's id.
    """

    text: str
    values: tuple[Any, ...]
    page: Condition | None = None

    def bound_to(self, ref: Ref) -> tuple[Any, ...]:
        """The complete statement for this service, followed by its values."""
        if ref.id is None:
            return _completed(self.text, "external_id"), *self.values, ref.external_id
        return _completed(self.text, "id"), *self.values, ref.id

    async def reviews(self, fetch: sql.Fetch, rows: Sequence[sql.Record]) -> Sequence[sql.Record]:
        """The reviews: from these rows of the statement, or by the second statement."""
        if self.page is None:
            return () if rows[0]["id"] is None else rows
        its_id = rows[0]["its_id"]
        values = (its_id if value is _ITS_ID else value for value in self.page.values)
        return await fetch(self.page.text, *values)


def storefront_statement(
    viewer: Viewer, reviews: ReviewsRequest | None, columns: Columns
) -> StorefrontStatement:
    """The statement that reads a service for a viewer, alone or with a page of its reviews.

    It returns one row more than the page, each with the service's columns too; without reviews it
    returns one row whose `id` is NULL.
    """
    if reviews is None:
        return StorefrontStatement(f"SELECT {columns.service} {services.FROM}{columns.joined}", ())
    sort, request = review_list.SORTS[reviews.sort], reviews.request
    uncounted = Condition("")
    if reviews.with_total and (hidden := review_list.not_in_counters(viewer, reviews.filter)):
        uncounted = review_list.within(Condition("s.id"), hidden, reviews.filter)
    joins = sql.is_postgres()
    service = Condition("s.id") if joins else Condition("?", (_ITS_ID,))
    runs = review_list.runs_within(service, viewer, reviews.filter, reviews.sort, request)
    page = page_of_runs(columns.review, ("review r", AUTHOR), runs, sort, request)
    if joins:
        text = _joined(columns, uncounted.text, page.text)
        return StorefrontStatement(text, (*uncounted.values, *page.values))
    return StorefrontStatement(_alone(columns, uncounted.text), uncounted.values, page)


# Cached, so that the driver's cache gets the same string, already hashed.
@lru_cache(1_000)
def _joined(columns: Columns, hidden: str, page: str) -> str:
    # In a join, so that it is counted once and not for each row.
    uncounted = (
        f"SELECT COUNT(*) AS hidden FROM review r WHERE {hidden}"
        if hidden
        else "SELECT 0 AS hidden"
    )
    # The service's columns come last: the last of two equal names wins, and p's may be NULL.
    return (
        f"SELECT p.*, {columns.service}, h.hidden {services.FROM}{columns.joined}"
        f" CROSS JOIN LATERAL ({uncounted}) h LEFT JOIN LATERAL ({page}) p ON TRUE"
    )


@lru_cache(1_000)
def _alone(columns: Columns, hidden: str) -> str:
    uncounted = f"(SELECT COUNT(*) FROM review r WHERE {hidden})" if hidden else "0"
    return f"SELECT {columns.service}, {uncounted} AS hidden {services.FROM}{columns.joined}"


@lru_cache(1_000)
def _completed(text: str, column: str) -> str:
    return f"{text} WHERE s.{column} = ?"
