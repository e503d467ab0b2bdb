"""Look up reviews by ids, with the visibility rule in every statement."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from models import Customer, Review, ReviewRevision, Vendor, sql
from models.person import ADDRESSED
from models.review import DECISION, PARTIES, REVIEW_PUBLIC
from resolvers.errors import Invalid
from resolvers.keyset import MAX_SIZE, PageRequest, newest
from resolvers.scoped_pages import Listing, list_pages
from resolvers.viewer import KNOWN_REVIEWS, Condition, Viewer, visible_reviews

# This many revisions of a review are returned by default.
DEFAULT_TAIL = 20

AUTHOR = "JOIN customer c ON c.id = r.customer_id"
TABLES = f"review r {AUTHOR}"
_NAME, _WHO = "c.display_name AS author_name", "c.external_id AS author_external_id"
# LISTED: the columns that lists need. SELECT: all columns, for writers. Both have the author's
# external id, to tell whether the viewer is the author.
_LISTED = (*REVIEW_PUBLIC, *PARTIES, *DECISION, "deleted_at")
LISTED = f"{sql.columns(Review, 'r', only=_LISTED)}, {_NAME}, {_WHO}"
SELECT = f"SELECT {sql.columns(Review, 'r')}, {_NAME}, {_WHO} FROM {TABLES}"
_PERSON = ("id", *ADDRESSED)
_PARTIES = f"{TABLES} JOIN vendor v ON v.id = r.vendor_id"
_WITH_PARTIES = f"""{sql.columns(Review, "r")}, {_NAME}, {_WHO},
  {sql.columns(Customer, "c", "customer_", only=_PERSON)},
  {sql.columns(Vendor, "v", "vendor_", only=_PERSON)}"""
_PARTY_TYPES = sql.types_of(Customer, "customer_") | sql.types_of(Vendor, "vendor_")

_HOLD_ORDERS = """
SELECT id FROM orders WHERE id IN (SELECT order_id FROM review WHERE id IN ({places}))
ORDER BY external_id FOR SHARE"""
_HOLD = "SELECT id FROM review WHERE id IN ({places}) ORDER BY id FOR UPDATE"

_REVISIONS = Listing(ReviewRevision, sql.columns(ReviewRevision, "v"), "review_revision v")
_OLDEST = replace(newest("v", "replaced_at"), name="OLDEST", descending=False)


def column(name: str) -> str:
    """One column of a review, or its author's name."""
    return _NAME if name == "author_name" else sql.columns(Review, "r", only=(name,))


async def find_review(viewer: Viewer, review_id: UUID, *, lock: bool = False) -> Review | None:
    """The review, if it exists for this viewer. `lock` locks it against other writers."""
    visible = visible_reviews(viewer)
    locks = lock and sql.is_postgres()
    statement = f"{SELECT} WHERE r.id = ? AND {visible.text}{' FOR UPDATE OF r' if locks else ''}"
    reviews = await sql.objects(Review, statement, review_id, *visible.values)
    if locks and not reviews:
        # After a lock wait PostgreSQL joins the new review with the old author: read again.
        reviews = await sql.objects(Review, statement, review_id, *visible.values)
    return reviews[0] if reviews else None


async def find_review_of_party(
    viewer: Viewer, review_id: UUID, also: str = "", *values: object, **computed: type
) -> Review | None:
    """The review, if it exists for this viewer or is about the vendor whom the viewer acts for.

    So that a vendor who replies or votes learns that a review is not published; for everybody
    else it does not exist. The review has its customer and its vendor, and the columns `also`
    with these values and types.
    """
    visible = visible_reviews(viewer)
    text, known = visible.text, visible.values
    if viewer.vendor is not None:
        text = f"({text} OR r.deleted_at IS NULL AND {KNOWN_REVIEWS} AND v.external_id = ?)"
        known = (*known, viewer.vendor)
    rows = await sql.fetch(
        f"SELECT {_WITH_PARTIES}{also} FROM {_PARTIES} WHERE r.id = ? AND {text}",
        *values,
        review_id,
        *known,
        types=_PARTY_TYPES | sql.types_of(Review, **computed),
    )
    return _with_parties(rows[0]) if rows else None


def _with_parties(row: sql.Row) -> Review:
    row["_customer"] = sql.joined(Customer, row, "customer_")
    row["_vendor"] = sql.joined(Vendor, row, "vendor_")
    return sql.hydrate(Review, [row])[0]


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Review]:
    """The reviews that exist for this viewer, by their ids."""
    return {review.id: review for review in await _find(viewer, "r.id", ids)}


async def hold(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, Review]:
    """The reviews that exist for this viewer, by their ids, locked against other writers.

    Their orders are held, too, until the caller's transaction ends. Orders are locked before
    reviews and both in a fixed order, as hand-overs by the feed do.
    """
    if sql.is_postgres():
        # Separate statements take the locks: only a later one sees what was committed meanwhile.
        for statement in (_HOLD_ORDERS, _HOLD):
            await sql.fetch(statement.format(places=sql.places(ids)), *ids)
    return await by_ids(viewer, ids)


async def of_orders(viewer: Viewer, ids: Collection[UUID]) -> list[Review]:
    """The reviews of orders that exist for this viewer."""
    return await _find(viewer, "r.order_id", ids)


def revisions_request(last: int) -> PageRequest:
    """A request for this many of a review's newest revisions. Raises Invalid."""
    if not 1 <= last <= MAX_SIZE:
        raise Invalid("last", message=f"Ask for 1 to {MAX_SIZE} at once.")
    return PageRequest(last, backwards=True)


async def revisions_of(ids: Sequence[UUID], request: PageRequest) -> list[list[ReviewRevision]]:
    """The revisions of each review, oldest first. The caller checks who may see them."""
    conditions = [Condition("v.review_id = ?", (review_id,)) for review_id in ids]
    return [page.rows for page in await list_pages(_REVISIONS, conditions, _OLDEST, request)]


async def voted_by(viewer: Viewer, ids: Collection[UUID]) -> set[UUID]:
    """The ids of those reviews that the viewer has voted for."""
    if not viewer.is_person or not ids:
        return set()
    rows = await sql.fetch(
        f"SELECT review_id FROM review_vote WHERE person = ? AND review_id IN ({sql.places(ids)})",
        viewer.external_id,
        *ids,
    )
    return {row["review_id"] for row in rows}


async def _find(viewer: Viewer, column: str, ids: Collection[UUID]) -> list[Review]:
    if not ids:
        return []
    visible = visible_reviews(viewer)
    statement = f"{SELECT} WHERE {column} IN ({sql.places(ids)}) AND {visible.text}"
    return await sql.objects(Review, statement, *ids, *visible.values)
