"""Counters of approved reviews: exact, since they change in the review's own transaction."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from models import RatingSubject, Review, sql
from models.one_round_trip import AT_ONCE, Writes
from models.rating_tally import Tally
from models.review import SUB_RATINGS

Subject = tuple[RatingSubject, UUID]

_NAMES = Tally._fields
_COLUMNS = ", ".join(_NAMES)

_ADD = f"""
INSERT INTO rating_counter (subject_id, kind, {_COLUMNS}) VALUES {{rows}}
ON CONFLICT (subject_id) DO UPDATE SET
  {", ".join(f"{name} = rating_counter.{name} + excluded.{name}" for name in _NAMES)}"""
_ROW = f"(?, ?, {sql.places(_NAMES)})"

_CHANGE = f"""
UPDATE rating_counter SET {", ".join(f"{name} = {name} + ?" for name in _NAMES)}
WHERE subject_id = ?"""

_SUMS = ", ".join(
    [f"SUM(CASE WHEN rating = {n} THEN 1 ELSE 0 END) AS n{n}" for n in range(1, 6)]
    + [
        f'COALESCE(SUM("{name}"), 0) AS {name}_sum, COUNT("{name}") AS {name}_count'
        for name in SUB_RATINGS
    ]
)

# Stored counters and a recount, in one statement, so that both come from one snapshot.
_BOTH = " UNION ALL ".join(
    [
        f"SELECT 1 AS stored, subject_id, kind, {_COLUMNS} FROM rating_counter",
        *(
            f"SELECT 0 AS stored, {column} AS subject_id, '{kind}' AS kind, {_SUMS} FROM review"
            f" WHERE status = 'APPROVED' AND deleted_at IS NULL GROUP BY {column}"
            for column, kind in (("service_id", "SERVICE"), ("vendor_id", "VENDOR"))
        ),
    ]
)


@lru_cache(100)
def _add_statement(rows: int) -> str:
    return _ADD.format(rows=", ".join([_ROW] * rows))


_MOVED = """
SELECT s.external_id AS service, today.external_id AS vendor, once.external_id AS reviewed,
  COUNT(*) AS reviews
FROM review r JOIN service s ON s.id = r.service_id
JOIN vendor today ON today.id = s.vendor_id JOIN vendor once ON once.id = r.vendor_id
WHERE r.vendor_id <> s.vendor_id AND r.deleted_at IS NULL
GROUP BY 1, 2, 3 ORDER BY 1, 3"""


class MovedService(NamedTuple):
    """A service that moved from the vendor for whom its reviews count; external ids."""

    service: str
    vendor: str
    reviewed: str
    reviews: int


class Drift(NamedTuple):
    """A counter that differs from a recount of the reviews."""

    subject_id: UUID
    kind: RatingSubject
    stored: Tally
    counted: Tally


async def count_in(*reviews: Review, writes: Writes = AT_ONCE) -> None:
    """Count reviews that became public. The last write of the caller's transaction.

    One statement, services before vendors, each sorted by id: all writers lock in this order.
    """
    await _add(_sums(reviews), writes)


async def count_out(review: Review) -> None:
    """Remove a review that is no longer public from the counters."""
    await _change(review, [-count for count in _tally(review)])


async def count_both(*, public: Sequence[Review], hidden: Sequence[Review]) -> None:
    """Count reviews that became public and remove those that no longer are.

    The last write of the caller's transaction: it locks all counters in the order of `count_in`.
    """
    added, removed = _sums(public), _sums(hidden)
    # Also those that only lose reviews, so that one statement takes all locks.
    await _add({subject: Tally() for subject in removed} | added, AT_ONCE)
    losses = [([-count for count in removed[kind, key]], key) for kind, key in sorted(removed)]
    if losses:
        await sql.execute_many(_CHANGE, [(*changes, key) for changes, key in losses])


async def recount(before: Review, after: Review) -> None:
    """Replace the stars of a public review in the counters after an edit."""
    pairs = zip(_tally(before), _tally(after), strict=True)
    await _change(after, [new - old for old, new in pairs])


async def drifts() -> list[Drift]:
    """Every counter that differs from a recount of the reviews, in one snapshot."""
    counted: dict[UUID, sql.Row] = {}
    stored: dict[UUID, sql.Row] = {}
    for row in await sql.fetch(_BOTH):
        (stored if row["stored"] else counted)[row["subject_id"]] = row
    return [
        drift
        for subject_id in sorted(counted.keys() | stored.keys())
        if (drift := _drift(subject_id, stored.get(subject_id), counted.get(subject_id)))
    ]


async def moved_services() -> list[MovedService]:
    """Every service whose current vendor is not the vendor of its reviews."""
    return [MovedService(**row) for row in await sql.fetch(_MOVED)]


async def repair() -> list[Drift]:
    """Recount every counter that is wrong, with writers locked out. Returns what was wrong.

    The caller owns the transaction. Reviews are locked before counters, in the writers' order, to
    avoid a deadlock.
    """
    if sql.is_postgres():
        await sql.execute("LOCK TABLE review IN SHARE MODE")
        await sql.execute("LOCK TABLE rating_counter IN SHARE ROW EXCLUSIVE MODE")
    wrong = await drifts()
    for drift in wrong:
        await sql.execute("DELETE FROM rating_counter WHERE subject_id = ?", drift.subject_id)
        await sql.execute(
            f"INSERT INTO rating_counter (subject_id, kind, {_COLUMNS})"
            f" VALUES (?, ?, {sql.places(_NAMES)})",
            drift.subject_id,
            drift.kind,
            *drift.counted,
        )
    return wrong


async def _change(review: Review, differences: Iterable[int]) -> None:
    changes = list(differences)
    if any(changes):
        for subject_id in (review.service_id, review.vendor_id):
            await sql.execute(_CHANGE, *changes, subject_id)


def _sums(reviews: Iterable[Review]) -> dict[Subject, Tally]:
    """The counts of these reviews, by service and by vendor."""
    sums: dict[Subject, Tally] = {}
    for review in reviews:
        tally = _tally(review)
        for subject in (
            (RatingSubject.SERVICE, review.service_id),
            (RatingSubject.VENDOR, review.vendor_id),
        ):
            sums[subject] = _sum(sums[subject], tally) if subject in sums else tally
    return sums


async def _add(added: Mapping[Subject, Tally], writes: Writes) -> None:
    if added:
        rows = [(key, kind, *added[kind, key]) for kind, key in sorted(added)]
        await writes.add(_add_statement(len(rows)), *(value for row in rows for value in row))


def _tally(review: Review) -> Tally:
    counts = {f"n{review.rating}": 1}
    for name, stars in zip(SUB_RATINGS, review.sub_ratings, strict=True):
        if stars is not None:
            counts |= {f"{name}_sum": stars, f"{name}_count": 1}
    return Tally(**counts)


def _sum(one: Tally, other: Tally) -> Tally:
    return Tally(*(a + b for a, b in zip(one, other, strict=True)))


def _drift(subject_id: UUID, stored: sql.Row | None, counted: sql.Row | None) -> Drift | None:
    kind = RatingSubject((stored or counted or {})["kind"])
    before = Tally.of(stored) if stored else Tally()
    correct = Tally.of(counted) if counted else Tally()
    return None if before == correct else Drift(subject_id, kind, before, correct)
