"""Lists of reviews of a service, a vendor or the whole site, filtered and sorted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from functools import cache, partial
from typing import NamedTuple
from uuid import UUID

from models import Review, ReviewStatus, sql
from models.rating_tally import count_in
from resolvers import text_search
from resolvers.errors import RatingOutOfRange
from resolvers.keyset import FIRST_PAGE, Page, PageRequest, Sort, Term, Total, newest
from resolvers.ref import Ref
from resolvers.review_lookup import AUTHOR, LISTED
from resolvers.scans import scanning
from resolvers.scoped_pages import (
    Listing,
    Run,
    all_of,
    between,
    count_rows,
    count_up_to_limit,
    list_runs,
    sums,
)
from resolvers.text_search import Candidates
from resolvers.viewer import (
    NEVER,
    Condition,
    Viewer,
    hidden_reviews,
    insiders_reviews,
    visible_reviews,
)

_NEWEST = newest("r")
_LISTING = Listing(Review, LISTED, "review r", AUTHOR)


class ReviewSort(StrEnum):
    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    HIGHEST = "HIGHEST"
    LOWEST = "LOWEST"
    MOST_HELPFUL = "MOST_HELPFUL"


_BY_TIME = {ReviewSort.NEWEST, ReviewSort.OLDEST}
# Edits that wait, with their reviews. SQLite keeps the order of a CROSS JOIN, and for a LATERAL
# with an OFFSET PostgreSQL, too, reads no other reviews.
_EDITS = "pending_version p CROSS JOIN review r"
_EDITS_ON_POSTGRES = (
    "pending_version p CROSS JOIN LATERAL"
    " (SELECT * FROM review WHERE review.id = p.review_id OFFSET 0) r"
)
_EDITS_OF_ONE = "review r CROSS JOIN pending_version p"
_OF_THE_EDIT = Condition("r.id = p.review_id")
# Ties are newest first in every sort but OLDEST. Terms run in one direction, hence 6 - rating for
# LOWEST.
SORTS: dict[ReviewSort, Sort] = {
    ReviewSort.NEWEST: _NEWEST,
    ReviewSort.OLDEST: replace(_NEWEST, name="OLDEST", descending=False),
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


# The queue of edits, in the order of their reviews.
_QUEUES = {
    sort: replace(
        SORTS[sort],
        terms=tuple(
            replace(term, sql=column)
            for term, column in zip(SORTS[sort].terms, ("p.created_at", "p.review_id"), strict=True)
        ),
    )
    for sort in _BY_TIME
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
    awaits_decision: bool | None = None
    # Whoever may not know who wrote which review finds none.
    author: Ref | None = None


ANY = ReviewFilter()


class Scope(NamedTuple):
    """Whose reviews: one service's, one vendor's or, without an id, the whole site's."""

    subject: str | None = None
    subject_id: UUID | None = None

    @property
    def ids(self) -> dict[str, Condition]:
        """The id as SQL, by its subject."""
        return {self.subject: Condition("?", (self.subject_id,))} if self.subject else {}


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
    found = None if filter.search is None else await text_search.candidates(filter.search)
    if found is not None:
        return await _list_found(found, viewer, scopes, filter, sort, request, count=count)
    lists = [_runs(viewer, scope.ids, filter, sort, request) for scope in scopes]
    totals = partial(_totals, viewer, scopes, filter) if count else None
    of_vendors = all(scope.subject == "vendor" for scope in scopes) or filter.vendor is not None
    async with scanning(viewer, only_if=may_scan(filter, sort, of_vendors=of_vendors)):
        return await list_runs(_LISTING, lists, SORTS[sort], request, totals=totals)


async def _list_found(
    found: Candidates,
    viewer: Viewer,
    scopes: Sequence[Scope],
    filter: ReviewFilter,
    sort: ReviewSort,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[Review]]:
    """The pages of those few reviews that may have the words."""
    visible = _visible(viewer, filter)
    pages = [found.narrowed(_where(visible, scope.ids, filter, sort, request)) for scope in scopes]
    lists = [[Run(where, tables=found.tables)] for where in pages]
    whole = [found.narrowed(_where(visible, scope.ids, filter)) for scope in scopes]
    totals = partial(count_up_to_limit, found.tables, whole) if count else None
    return await list_runs(_LISTING, lists, SORTS[sort], request, totals=totals)


def may_scan(filter: ReviewFilter, sort: ReviewSort, *, of_vendors: bool) -> bool:
    """Whether no index holds what a list asks for: rows are read until enough fit."""
    by_time = filter.created_after is not None or filter.created_before is not None
    by_reply = filter.has_reply is not None
    return (
        filter.search is not None
        or (by_reply and not (of_vendors and sort in _BY_TIME))
        or (filter.service is not None and filter.vendor is not None)
        or (sort is ReviewSort.MOST_HELPFUL and by_time)
    )


def counters_cover(filter: ReviewFilter) -> bool:
    """Whether counters hold the total for one service or vendor, apart from hidden reviews."""
    if filter == ANY:
        return True
    if filter.status not in {None, ReviewStatus.APPROVED}:
        return False
    return filter == ReviewFilter(rating=filter.rating, status=filter.status)


def runs_within(
    service: Condition,
    viewer: Viewer,
    filter: ReviewFilter,
    sort: ReviewSort,
    request: PageRequest,
) -> list[Run]:
    """The runs of the reviews visible to a viewer of the service with this id, given as SQL."""
    return _runs(viewer, {"service": service}, filter, sort, request)


def within(
    service: Condition,
    visible: Condition,
    filter: ReviewFilter,
    sort: ReviewSort = ReviewSort.NEWEST,
    request: PageRequest = FIRST_PAGE,
) -> Condition:
    """The condition that a visible review `r` belongs to the service with this id."""
    return _where(visible, {"service": service}, filter, sort, request)


def not_in_counters(viewer: Viewer, filter: ReviewFilter) -> Condition | None:
    """Reviews that a total includes but counters do not: hidden ones, if the viewer sees any."""
    return hidden_reviews(viewer) if filter.status is None else None


def _runs(
    viewer: Viewer,
    scope: Mapping[str, Condition],
    filter: ReviewFilter,
    sort: ReviewSort,
    request: PageRequest,
) -> list[Run]:
    if filter.awaits_decision:
        runs = list[Run]()
        for part in _waiting(filter):
            if part.status is ReviewStatus.PENDING:
                runs += _runs(viewer, scope, part, sort, request)
            else:
                runs.append(_of_edits(viewer, scope, part, sort, request))
        return runs
    where = _where(_visible(viewer, filter), scope, filter, sort, request)
    return _split(where, filter, sort, _subject(scope, filter))


def _subject(scope: Mapping[str, Condition], filter: ReviewFilter) -> str | None:
    if "service" in scope or filter.service is not None:
        return "service"
    return "vendor" if "vendor" in scope or filter.vendor is not None else None


def _waiting(filter: ReviewFilter) -> list[ReviewFilter]:
    """What waits for a decision, by the status that all rows have: reviews, and edits of others."""
    statuses = (ReviewStatus.PENDING, ReviewStatus.APPROVED)
    return [
        filter._replace(status=status, awaits_decision=None)
        for status in statuses
        if filter.status in {None, status}
    ]


def _of_edits(
    viewer: Viewer,
    scope: Mapping[str, Condition],
    filter: ReviewFilter,
    sort: ReviewSort,
    request: PageRequest,
) -> Run:
    """The run of public reviews with an edit that waits."""
    edits = _edits(viewer, scope, filter, sort, request)
    is_queue = (
        edits.tables != _EDITS_OF_ONE and _subject(scope, filter) is None and sort in _BY_TIME
    )
    return edits._replace(sort=_QUEUES[sort] if is_queue else _computed(sort, sql.is_postgres()))


def _edits(
    viewer: Viewer,
    scope: Mapping[str, Condition],
    filter: ReviewFilter,
    sort: ReviewSort = ReviewSort.NEWEST,
    request: PageRequest = FIRST_PAGE,
) -> Run:
    """Edits that wait, as far as the viewer may know of them: from the edits, or one's reviews."""
    of_one = filter.author is not None or not viewer.moderates
    known, asked = insiders_reviews(viewer) or NEVER, filter
    if of_one and viewer.is_person and filter.author is None:
        asked = filter._replace(author=Ref(external_id=viewer.external_id))
    where = _where(_visible(viewer, asked), scope, asked, sort, request)
    of_all = _EDITS_ON_POSTGRES if sql.is_postgres() else _EDITS
    return Run(all_of(_OF_THE_EDIT, where, known), tables=_EDITS_OF_ONE if of_one else of_all)


def _split(
    where: Condition, filter: ReviewFilter, sort: ReviewSort, subject: str | None
) -> list[Run]:
    """The runs of a list, as `models.indexes` holds them."""
    if filter.author or filter.status not in {None, ReviewStatus.APPROVED}:
        # Few, which are found and sorted, but for the queue of moderation.
        is_queue = not filter.author and subject is None and sort in _BY_TIME
        return [Run(where, sort=None if is_queue else _computed(sort, sql.is_postgres()))]
    newest = [where]
    if subject == "vendor" and filter.rating is None and filter.has_reply is None:
        newest = [_and(where, f"r.replied_at IS {each}NULL") for each in ("", "NOT ")]
    by_stars = [(stars, _and(where, f"r.rating = {stars}")) for stars in range(1, 6)]
    if filter.rating is not None:
        by_stars = [(filter.rating, where)]
    match sort:
        case ReviewSort.NEWEST | ReviewSort.OLDEST:
            return [Run(each) for each in newest]
        case ReviewSort.LOWEST:
            return [Run(each, (6 - stars,)) for stars, each in by_stars]
        case ReviewSort.HIGHEST if filter.rating or filter.created_after or filter.created_before:
            return [Run(each, (stars,)) for stars, each in by_stars]
        case ReviewSort.HIGHEST:
            return [Run(where)]
        case ReviewSort.MOST_HELPFUL:
            voted = [Run(_and(each, "r.helpful_count <> 0")) for _, each in by_stars]
            return voted + [Run(_and(each, "r.helpful_count = 0"), (0,)) for each in newest]


@cache
def _computed(sort: ReviewSort, is_postgres: bool) -> Sort:  # noqa: ARG001 - the key
    """The same sort, for which SQLite chooses no index."""
    plain = SORTS[sort]
    terms = (replace(term, sql=sql.without_index(term.sql)) for term in plain.terms)
    return replace(plain, terms=tuple(terms))


def _and(where: Condition, text: str) -> Condition:
    return Condition(f"{where.text} AND {text}", where.values)


def _where(
    visible: Condition,
    scope: Mapping[str, Condition],
    filter: ReviewFilter,
    sort: ReviewSort = ReviewSort.NEWEST,
    request: PageRequest = FIRST_PAGE,
) -> Condition:
    """`scope` has the ids, as SQL, of the service or vendor whose list it is."""
    conditions, ids = list[Condition](), dict(scope)
    for subject, ref in (("service", filter.service), ("vendor", filter.vendor)):
        if ref is not None:
            ids[subject] = ref.id_in(subject, if_it_is=ids.get(subject))
    for subject, id_ in ids.items():
        # Of a service's reviews few are another vendor's.
        column = f"r.{subject}_id"
        if (subject == "vendor" and "service" in ids) or filter.author is not None:
            column = sql.without_index(column)
        conditions.append(Condition(f"{column} = {id_.text}", id_.values))
    return all_of(*conditions, visible, *_narrowing(filter, sort, request))


def _narrowing(filter: ReviewFilter, sort: ReviewSort, request: PageRequest) -> list[Condition]:
    conditions = []
    if filter.author is not None:
        # By the orders, which have an index of their customers: reviews would pay for another one.
        author = filter.author.id_in("customer")
        bought = f"r.order_id IN (SELECT id FROM orders WHERE customer_id = {author.text})"
        conditions.append(Condition(bought, author.values))
    if filter.status is not None:
        # Literals, not parameters, so that the planner knows how many rows have them.
        conditions.append(Condition(f"r.status = '{filter.status.value}'"))
    if filter.rating is not None:
        if not 1 <= filter.rating <= 5:
            raise RatingOutOfRange("filter", "rating")
        is_hidden = filter.status not in {None, ReviewStatus.APPROVED}
        is_found = is_hidden or filter.author is not None
        rating = sql.without_index("r.rating") if is_found else "r.rating"
        conditions.append(Condition(f"{rating} = {filter.rating}"))
    if filter.search is not None:
        conditions.append(text_search.reviews_hold(filter.search))
    if filter.has_reply is not None:
        conditions.append(Condition(f"r.replied_at IS {'NOT ' if filter.has_reply else ''}NULL"))
    return [
        *conditions,
        *between(
            "r.created_at",
            filter.created_after,
            filter.created_before,
            request,
            descending=sort is not ReviewSort.OLDEST,
        ),
    ]


def _visible(viewer: Viewer, filter: ReviewFilter) -> Condition:
    """The reviews that may be in the list: none by an author whom the viewer may not know.

    Whether an edit waits is known to the insiders of the review alone.
    """
    if filter.author is not None and not _may_know(viewer, filter.author):
        return NEVER
    visible = visible_reviews(viewer, filter.status)
    if filter.awaits_decision is None:
        return visible
    known = insiders_reviews(viewer) or NEVER
    # A number, not EXISTS: PostgreSQL would make a hash table of all edits for a page of reviews.
    edits = f"SELECT COUNT(*) FROM pending_version p WHERE p.review_id = r.id AND {known.text}"
    waits = Condition(f"(r.status = 'PENDING' OR ({edits}) > 0)", known.values)
    if filter.awaits_decision:
        return all_of(visible, waits)
    return all_of(visible, Condition(f"NOT {waits.text}", waits.values))


def _may_know(viewer: Viewer, author: Ref) -> bool:
    return viewer.moderates or (viewer.is_person and viewer.external_id == author.external_id)


async def _totals(viewer: Viewer, scopes: Sequence[Scope], filter: ReviewFilter) -> list[Total]:
    subjects = _subjects(scopes, filter)
    of_all = filter._replace(service=None, vendor=None)
    if not counters_cover(of_all) or (subjects is None and _names_a_subject(scopes, filter)):
        visible = _visible(viewer, filter)
        conditions = [_where(visible, scope.ids, filter) for scope in scopes]
        # Exact, so that the numbered pages of a service or vendor stay right.
        plain = of_all == ANY._replace(
            rating=filter.rating, status=filter.status, has_reply=filter.has_reply
        )
        is_exact = plain and subjects is not None
        if filter.awaits_decision:
            return await _totals_of_waiting(viewer, scopes, filter)
        return await (count_rows if is_exact else count_up_to_limit)(_LISTING.tables, conditions)
    totals = await _totals_of_counters(subjects, len(scopes), filter.rating)
    hidden = not_in_counters(viewer, filter)
    if hidden is not None:
        hidden_parts = [_where(hidden, scope.ids, filter) for scope in scopes]
        uncounted = await count_rows(_LISTING.tables, hidden_parts)
        totals = [Total(a.number + b.number) for a, b in zip(totals, uncounted, strict=True)]
    return totals


async def _totals_of_waiting(
    viewer: Viewer, scopes: Sequence[Scope], filter: ReviewFilter
) -> list[Total]:
    counted = [[Total(0)] * len(scopes)]
    for part in _waiting(filter):
        lists = [
            Run(_where(_visible(viewer, part), scope.ids, part), tables=_LISTING.tables)
            if part.status is ReviewStatus.PENDING
            else _edits(viewer, scope.ids, part)
            for scope in scopes
        ]
        tables = lists[0].tables or _LISTING.tables
        counted.append(await count_up_to_limit(tables, [run.where for run in lists]))
    return [Total.sum_of(each) for each in zip(*counted, strict=True)]


def _names_a_subject(scopes: Sequence[Scope], filter: ReviewFilter) -> bool:
    named = filter.service is not None or filter.vendor is not None
    return named or any(scope.subject is not None for scope in scopes)


def _subjects(scopes: Sequence[Scope], filter: ReviewFilter) -> list[Condition] | None:
    """The ids, as SQL, of the one service or vendor of each list; None if a list has not one."""
    named = [
        ref.id_in(table)
        for table, ref in (("service", filter.service), ("vendor", filter.vendor))
        if ref is not None
    ]
    if all(scope.subject is not None for scope in scopes) and not named:
        return [Condition("?", (scope.subject_id,)) for scope in scopes]
    if all(scope.subject is None for scope in scopes) and len(named) == 1:
        return named * len(scopes)
    return None


async def _totals_of_counters(
    subjects: Sequence[Condition] | None, lists: int, rating: int | None
) -> list[Total]:
    """The totals of services or vendors; without any, of the whole site."""
    total = f"n{rating}" if rating else count_in("rating_counter")
    if subjects is None:
        # Vendors are fewer than services.
        return await sums(f"SUM({total})", "rating_counter", [Condition("kind = 'VENDOR'")] * lists)
    named = [Condition(f"subject_id = {subject.text}", subject.values) for subject in subjects]
    return await sums(total, "rating_counter", named)
