"""Lists of reviews of a service, a vendor or the whole site, filtered and sorted."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import NamedTuple
from uuid import UUID

from models import Review, ReviewStatus
from models.rating_tally import count_in
from resolvers import text_search
from resolvers.errors import RatingOutOfRange
from resolvers.keyset import Page, PageRequest, Sort, Term, newest
from resolvers.ref import Ref
from resolvers.review_lookup import AUTHOR, LISTED
from resolvers.scoped_pages import Listing, all_of, count_rows, list_pages, sums
from resolvers.viewer import Condition, Viewer, hidden_reviews, visible_reviews

_NEWEST = newest("r")
_LISTING = Listing(Review, LISTED, "review r", AUTHOR)


class ReviewSort(StrEnum):
    NEWEST = "NEWEST"
    HIGHEST = "HIGHEST"
    LOWEST = "LOWEST"
    MOST_HELPFUL = "MOST_HELPFUL"


# Ties are newest first in every sort. Terms run in one direction, hence 6 - rating for LOWEST.
SORTS: dict[ReviewSort, Sort] = {
    ReviewSort.NEWEST: _NEWEST,
    ReviewSort.HIGHEST: Sort(
        "HIGHEST",
        (Term("r.rating", limit=2**15), *_NEWEST.terms),
        lambda row: [row["rating"], *_NEWEST.key_of(row)],
    ),
    ReviewSort.LOWEST: Sort(
        "LOWEST",
        (Term("(6 - r.rating)"), *_NEWEST.terms),
        lambda row: [6 - row["rating"], *_NEWEST.key_of(row)],
    ),
    ReviewSort.MOST_HELPFUL: Sort(
        "MOST_HELPFUL",
        (Term("r.helpful_count"), *_NEWEST.terms),
        lambda row: [row["helpful_count"], *_NEWEST.key_of(row)],
    ),
}


class ReviewFilter(NamedTuple):
    """Conditions that narrow a list, never widening what the viewer may see; all must hold."""

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
    """Whose reviews: one service's, one vendor's or, without an id, the whole site's."""

    subject: str | None = None
    subject_id: UUID | None = None


async def list_reviews(
    viewer: Viewer,
    scopes: Sequence[Scope],
    filter: ReviewFilter,
    sort: ReviewSort,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[Review]]:
    """A page for each scope, in their order, all in one statement; `total` only with `count`.

    Raises Invalid and RatingOutOfRange for a bad filter or cursor.
    """
    conditions = [_where(visible_reviews(viewer), scope, filter) for scope in scopes]
    totals = partial(_totals, viewer, scopes, filter)
    return await list_pages(_LISTING, conditions, SORTS[sort], request, count=count, totals=totals)


def counters_cover(filter: ReviewFilter) -> bool:
    """Whether counters hold the total for one service or vendor, apart from hidden reviews."""
    if filter == ANY:
        return True
    if filter.status not in {None, ReviewStatus.APPROVED}:
        return False
    return filter == ReviewFilter(rating=filter.rating, status=filter.status)


def within(service: str, visible: Condition, filter: ReviewFilter) -> Condition:
    """The condition that a visible review `r` belongs to the service with this id, given as SQL."""
    where = visible if filter == ANY else _where(visible, Scope(), filter)
    return Condition(f"r.service_id = {service} AND {where.text}", where.values)


def not_in_counters(viewer: Viewer, filter: ReviewFilter) -> Condition | None:
    """Reviews that a total includes but counters do not: hidden ones, if the viewer sees any."""
    return hidden_reviews(viewer) if filter.status is None else None


def _where(visible: Condition, scope: Scope, filter: ReviewFilter) -> Condition:
    conditions = []
    if scope.subject is not None:
        conditions.append(Condition(f"r.{scope.subject}_id = ?", (scope.subject_id,)))
    for subject, ref in (("service", filter.service), ("vendor", filter.vendor)):
        if ref is not None:
            named = ref.id_in(subject)
            conditions.append(Condition(f"r.{subject}_id = {named.text}", named.values))
    return all_of(*conditions, visible, *_narrowing(filter))


def _narrowing(filter: ReviewFilter) -> list[Condition]:
    conditions = []
    if filter.status is not None:
        # A literal, not a parameter, so that the planner can choose the index.
        conditions.append(Condition(f"r.status = '{filter.status.value}'"))
    if filter.rating is not None:
        if not 1 <= filter.rating <= 5:
            raise RatingOutOfRange("filter", "rating")
        conditions.append(Condition("r.rating = ?", (filter.rating,)))
    if filter.search is not None:
        conditions.append(text_search.holds("r.body_folded", filter.search))
    if filter.has_reply is not None:
        conditions.append(Condition(f"r.replied_at IS {'NOT ' if filter.has_reply else ''}NULL"))
    if filter.created_after is not None:
        conditions.append(Condition("r.created_at >= ?", (filter.created_after,)))
    if filter.created_before is not None:
        conditions.append(Condition("r.created_at < ?", (filter.created_before,)))
    return conditions


async def _totals(
    viewer: Viewer, scopes: Sequence[Scope], filter: ReviewFilter, conditions: Sequence[Condition]
) -> list[int]:
    subjects = _counted_subjects(scopes, filter)
    if subjects is None:
        return await count_rows(_LISTING.tables, conditions)
    totals = await _totals_of_counters(subjects, filter.rating)
    hidden = not_in_counters(viewer, filter)
    if hidden is not None:
        hidden_parts = [_where(hidden, scope, filter) for scope in scopes]
        uncounted = await count_rows(_LISTING.tables, hidden_parts)
        totals = [a + b for a, b in zip(totals, uncounted, strict=True)]
    return totals


def _counted_subjects(scopes: Sequence[Scope], filter: ReviewFilter) -> list[Condition] | None:
    """The ids, as SQL, of subjects whose counters hold the totals; None if rows must be counted."""
    if not counters_cover(filter._replace(service=None, vendor=None)):
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


async def _totals_of_counters(subjects: Sequence[Condition], rating: int | None) -> list[int]:
    total = f"n{rating}" if rating else count_in("rating_counter")
    named = [Condition(f"subject_id = {subject.text}", subject.values) for subject in subjects]
    return await sums(total, "rating_counter", named)
