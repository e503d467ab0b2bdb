"""A service, its rating and a page of its reviews in one statement: what storefronts ask for."""

from functools import lru_cache

from models import Review, Service, sql
from models.rating_tally import Tally
from resolvers import review_list, services
from resolvers.keyset import Page, PageRequest, cut
from resolvers.ref import Ref
from resolvers.review_list import ReviewFilter, ReviewOrder
from resolvers.reviews_lookup import FROM, LISTED, PUBLIC
from resolvers.viewer import Viewer


async def service_with_reviews(
    viewer: Viewer,
    ref: Ref,
    filter: ReviewFilter,
    order: ReviewOrder,
    request: PageRequest,
    *,
    count: bool,
    public: bool,
) -> tuple[Service, Page[Review]] | None:
    """The service, and the page that `list_reviews` would give of its reviews.

    With `public`, only what everybody may read of a review, without the ids of what belongs to it.
    None when there is no such service, or when it takes more than one statement: on SQLite, which
    cannot join a page to its parent, for numbered pages, and for totals that no counter knows.
    """
    if not sql.is_postgres() or request.offset:
        return None
    if count and not review_list.counters_know(viewer, filter):
        return None
    listed = review_list.ORDERS[order]
    where = review_list.within("s.id", viewer, filter)
    bounds, by = request.bounds(listed), listed.by(backwards=request.backwards)
    named = ref.names("s")
    rows = await sql.fetch(
        _statement(PUBLIC if public else LISTED, where.text, bounds.text, by, named.text),
        *where.values,
        *bounds.values,
        request.size + 1,
        *named.values,
    )
    if not rows:
        return None
    tally = Tally.of(rows[0])
    service = sql.joined(Service, rows[0], "its_")
    service.tally = tally
    reviews = [] if rows[0]["id"] is None else sql.hydrate(Review, rows)
    page = cut(reviews, request, listed)
    if count:
        page.total = tally.stars[filter.rating - 1] if filter.rating else tally.count
    return service, page


@lru_cache(1_000)
def _statement(columns: str, where: str, bounds: str, by: str, named: str) -> str:
    """The statement, made once: so that it is found again, here and by the driver, by its hash."""
    # The service's columns come last: of two named service_id, that of no review must not win.
    return (
        f"SELECT p.*, {services.COLUMNS} FROM service s"
        " LEFT JOIN rating_counter k ON k.subject_id = s.id LEFT JOIN LATERAL"
        f" (SELECT {columns} {FROM}"
        f" WHERE {where}{bounds} ORDER BY {by} LIMIT ?) p ON TRUE"
        f" WHERE {named}"
    )
