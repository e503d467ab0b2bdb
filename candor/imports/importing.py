"""Import orders and reviews from files. Good rows are kept, bad ones reported with their line."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from candor.imports.cell_values import instant, one_of, or_keep, stars, whether
from candor.imports.newest_lines import NewestLines, newest_lines
from candor.imports.report import Report
from candor.imports.row_files import Fields, FileRow, read_rows
from candor.imports.source import Source
from models import OrderStatus, RejectionReason, ReviewStatus, Scope
from models.database import transaction
from models.review import STARS, SUB_RATINGS, TEXTS
from resolvers import order_facts, order_feed, review_import, site_settings
from resolvers.errors import Refusal
from resolvers.order_facts import EPOCH, OrderFacts, PersonFacts, ServiceFacts
from resolvers.refusals import collect_refusals, together
from resolvers.review_import import ImportOutcome, ReviewFacts
from resolvers.viewer import Role, Viewer

# The command line has the rights of a key that may write orders of every vendor.
OPERATOR = Viewer(
    Role.INTEGRATION, external_id="command line", scopes=frozenset({Scope.ORDERS_WRITE})
)
BATCH = 500
_ORDER_FIELDS = Fields(
    required=(
        *("order_id", "status", "customer_id", "vendor_id", "vendor_name"),
        *("service_id", "service_title"),
    ),
    optional=("completed_at", "customer_name", "customer_email"),
)
_REVIEW_FIELDS = Fields(
    required=("order_id", "rating", "created_at"),
    optional=(*TEXTS, *SUB_RATINGS, "service_id", "status", "reason", "verified_purchase"),
)

T = TypeVar("T")


@dataclass(frozen=True)
class Reading:
    """How the dates of a file are read."""

    zone: ZoneInfo
    formats: Sequence[str]

    def instant(self, name: str, cell: str) -> datetime:
        return instant(name, cell, self.zone, self.formats)


async def reading_of(source: Source) -> Reading:
    zone = source.time_zone or (await site_settings.current()).time_zone
    return Reading(ZoneInfo(zone), source.date_formats)


async def import_orders(source: Source) -> Report:
    """Store the orders of a file with customers, vendors and services. Promises no reminders."""
    report = source.report
    reading = await reading_of(source)
    async with _dry_run(source):
        rows = _parse_rows(source, ORDERS, reading, report)
        for batch in _batches(rows):
            facts = [each for _, each in batch]
            with report.storing([line for line, _ in batch]):
                results = await order_feed.upsert_orders(OPERATOR, facts, history=True)
            for (line, _), result in zip(batch, results, strict=True):
                if result.errors:
                    report.add(line, "failed", *map(source.describe, result.errors))
                elif result.outcome:
                    outcome = result.outcome.value.lower()
                    report.add(line, outcome, *map(source.describe, result.warnings))
            report.tell_remarks()
    return report


async def import_reviews(source: Source) -> Report:
    """Store the reviews of a file. Of several reviews of one order only the newest is stored."""
    reading = await reading_of(source)
    report = source.report
    with newest_lines() as newest:
        await _find_newest(source, reading, newest)
        async with _dry_run(source):
            rows = _parse_rows(source, REVIEWS, reading, report)
            for batch in _batches(rows):
                await _store_reviews(source, batch, newest)
                report.tell_remarks()
    return report


async def _find_newest(source: Source, reading: Reading, newest: NewestLines) -> None:
    unused = Report()
    rows = _parse_rows(source, REVIEWS, reading, unused)
    for batch in _batches(rows):
        strays = await _of_other_services(batch)
        newest.add(
            (facts.order, facts.created_at, line) for line, facts in batch if line not in strays
        )
        unused.tell_remarks()


async def _of_other_services(batch: list[tuple[int, ReviewFacts]]) -> set[int]:
    """The lines that name another service than their order's; these will be refused.

    Some systems keep a review for each service of an order, which has one here.
    """
    named = {facts.order for _, facts in batch if facts.service is not None}
    services = await review_import.services_of(named)
    return {
        line
        for line, facts in batch
        if facts.service is not None and services.get(facts.order, facts.service) != facts.service
    }


async def _store_reviews(
    source: Source, batch: list[tuple[int, ReviewFacts]], newest: NewestLines
) -> None:
    report, taken = source.report, []
    lines = newest.of({facts.order for _, facts in batch})
    strays = await _of_other_services(batch)
    for line, facts in batch:
        other = line if line in strays else lines[facts.order]
        if other == line:
            taken.append((line, facts))
        else:
            report.add(line, "skipped", f"line {other} has a newer review of this order")
    with report.storing([line for line, _ in batch]):
        results = await review_import.import_reviews(
            OPERATOR, [facts for _, facts in taken], declared=source.verified
        )
    for (line, _), result in zip(taken, results, strict=True):
        why = [source.describe(result.error)] if result.error else []
        outcome: ImportOutcome | None = result.outcome
        report.differing += outcome is ImportOutcome.SKIPPED
        report.add(line, outcome.value.lower() if outcome else "failed", *why)


class _DryRun(Exception):
    """Raised at the end of a dry run to roll it back."""


@asynccontextmanager
async def _dry_run(source: Source) -> AsyncIterator[None]:
    """Roll everything back at the end if the source asks for a dry run."""
    if not source.dry_run:
        yield
        return
    try:
        async with transaction():
            yield
            raise _DryRun  # noqa: TRY301 - the way to roll back
    except _DryRun:
        pass


def _parse_rows(
    source: Source, kind: "Kind[T]", reading: Reading, report: Report
) -> Iterator[tuple[int, T]]:
    """Line and parsed value of each valid row; invalid ones go into the report."""
    for row in read_rows(source.path, kind.fields, source.layout, source.progress):
        if row.error is not None:
            report.add_unread(row.line, row.last, row.error)
            continue
        try:
            yield row.line, kind.parse(row, reading)
        except Refusal as error:
            report.add(row.line, "failed", source.describe(error))


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _order(row: FileRow, reading: Reading) -> OrderFacts:
    cells = row.cells
    completed_at = cells.get("completed_at", "").strip()
    try:
        with collect_refusals() as check:
            facts = OrderFacts(
                external_id=cells["order_id"],
                status=check(one_of, OrderStatus, "status", cells["status"]),
                completed_at=check(reading.instant, "completed_at", completed_at)
                if completed_at
                else None,
                undated=True,
                customer=PersonFacts(
                    cells["customer_id"],
                    or_keep(cells.get("customer_name")),
                    or_keep(cells.get("customer_email")),
                ),
                vendor=PersonFacts(cells["vendor_id"], cells["vendor_name"]),
                service=ServiceFacts(cells["service_id"], cells["service_title"]),
            )
    except Refusal as unread:
        raise together([*unread.all, *order_facts.checked(facts).errors]) from None
    return facts


def _review(row: FileRow, reading: Reading) -> ReviewFacts:
    cells = row.cells
    status, reason = cells.get("status", "").strip(), cells.get("reason", "").strip()
    try:
        with collect_refusals() as check:
            # What cannot be read is replaced by something that is not refused again.
            facts = ReviewFacts(
                order=cells["order_id"],
                service=cells.get("service_id") or None,
                written={
                    **{name: check(stars, name, cells.get(name, "")) for name in STARS},
                    **{name: cells.get(name, "") for name in TEXTS},
                },
                created_at=check(reading.instant, "created_at", cells["created_at"]) or EPOCH,
                status=check(one_of, ReviewStatus, "status", status or ReviewStatus.APPROVED)
                or ReviewStatus.REJECTED,
                reason=check(one_of, RejectionReason, "reason", reason) if reason else None,
                verified_purchase=check(
                    whether, "verified_purchase", cells.get("verified_purchase")
                ),
            )
    except Refusal as unread:
        raise together([*unread.all, *review_import.faults(facts)]) from None
    return facts


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of rows: its fields, how one is parsed, how a file is stored and how often read."""

    fields: Fields
    parse: Callable[[FileRow, Reading], T]
    store: Callable[[Source], Awaitable[Report]]
    readings: int = 1


ORDERS = Kind(_ORDER_FIELDS, _order, import_orders)
REVIEWS = Kind(_REVIEW_FIELDS, _review, import_reviews, readings=2)
