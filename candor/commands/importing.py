"""Import orders and reviews from files. Good rows are kept, bad ones reported with their line."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from candor.commands.import_report import Report
from candor.commands.import_source import Source
from candor.commands.newest_lines import NewestLines, newest_lines
from candor.commands.row_files import FileRow, read_rows
from models import OrderStatus, RejectionReason, ReviewStatus, Scope
from models.database import transaction
from models.review import SUB_RATINGS, TEXTS
from resolvers import order_feed, review_import, site_settings
from resolvers.errors import Invalid, Refusal
from resolvers.order_facts import KEEP, Keep, OrderFacts, PersonFacts, ServiceFacts
from resolvers.review_import import ImportOutcome, ReviewFacts
from resolvers.viewer import Role, Viewer

# The command line has the rights of a key that may write orders of every vendor.
OPERATOR = Viewer(
    Role.INTEGRATION, external_id="command line", scopes=frozenset({Scope.ORDERS_WRITE})
)
BATCH = 500
ORDER_COLUMNS = {
    "order_id",
    "status",
    "customer_id",
    "vendor_id",
    "vendor_name",
    "service_id",
    "service_title",
}
REVIEW_COLUMNS = {"order_id", "rating", "created_at"}
_YES, _NO = {"yes", "y", "true", "t", "1"}, {"no", "n", "false", "f", "0", ""}

T = TypeVar("T")


async def import_orders(source: Source) -> Report:
    """Store the orders of a file with customers, vendors and services. Promises no reminders."""
    report = source.report
    zone = await _zone(source)
    async with _dry_run(source):
        rows = _parse_rows(source, ORDER_COLUMNS, lambda row: _order(row, zone), report)
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
    zone = await _zone(source)
    report = source.report
    with newest_lines() as newest:
        _find_newest(source, zone, newest)
        async with _dry_run(source):
            rows = _parse_rows(source, REVIEW_COLUMNS, lambda row: _review(row, zone), report)
            for batch in _batches(rows):
                await _store_reviews(source, batch, newest)
                report.tell_remarks()
    return report


def _find_newest(source: Source, zone: ZoneInfo, newest: NewestLines) -> None:
    unused = Report()
    rows = _parse_rows(source, REVIEW_COLUMNS, lambda row: _review(row, zone), unused)
    for batch in _batches(rows):
        newest.add((facts.order, facts.created_at, line) for line, facts in batch)
        unused.tell_remarks()


async def _store_reviews(
    source: Source, batch: list[tuple[int, ReviewFacts]], newest: NewestLines
) -> None:
    report, taken = source.report, []
    lines = newest.of({facts.order for _, facts in batch})
    for line, facts in batch:
        other = lines[facts.order]
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


async def _zone(source: Source) -> ZoneInfo:
    return ZoneInfo(source.time_zone or (await site_settings.current()).time_zone)


def _parse_rows(
    source: Source, required: set[str], make: Callable[[FileRow], T], report: Report
) -> Iterator[tuple[int, T]]:
    """Line and parsed value of each valid row; invalid ones go into the report."""
    for row in _rows(source, required):
        if row.error is not None:
            report.add(row.line, "failed", row.error)
            continue
        try:
            yield row.line, make(row)
        except Refusal as error:
            report.add(row.line, "failed", source.describe(error))


def _rows(source: Source, required: set[str]) -> Iterator[FileRow]:
    rows = read_rows(
        source.path,
        columns=source.columns,
        required=required,
        encoding=source.encoding,
        progress=source.progress,
    )
    if not source.values:
        yield from rows
        return
    for row in rows:
        cells = {name: source.values.get((name, cell), cell) for name, cell in row.cells.items()}
        yield FileRow(row.line, cells, row.error)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _order(row: FileRow, zone: ZoneInfo) -> OrderFacts:
    cells = row.cells
    completed_at = cells.get("completed_at", "")
    return OrderFacts(
        external_id=cells["order_id"],
        status=_one_of(OrderStatus, "status", cells["status"]),
        completed_at=_moment("completed_at", completed_at, zone) if completed_at else None,
        undated=True,
        customer=PersonFacts(
            cells["customer_id"],
            _or_keep(cells.get("customer_name")),
            _or_keep(cells.get("customer_email")),
        ),
        vendor=PersonFacts(cells["vendor_id"], cells["vendor_name"]),
        service=ServiceFacts(cells["service_id"], cells["service_title"]),
    )


def _review(row: FileRow, zone: ZoneInfo) -> ReviewFacts:
    cells = row.cells
    status, reason = cells.get("status", ""), cells.get("reason", "").strip()
    return ReviewFacts(
        order=cells["order_id"],
        written={
            "rating": _stars("rating", cells["rating"]) or 0,
            **{name: _stars(name, cells.get(name, "")) for name in SUB_RATINGS},
            **{name: cells.get(name, "") for name in TEXTS},
        },
        created_at=_moment("created_at", cells["created_at"], zone),
        status=_one_of(ReviewStatus, "status", status) if status else ReviewStatus.APPROVED,
        reason=_one_of(RejectionReason, "reason", reason) if reason else None,
        verified_purchase=_whether("verified_purchase", cells.get("verified_purchase")),
    )


def _or_keep(cell: str | None) -> str | Keep:
    return cell or KEEP


def _one_of(kind: Any, name: str, cell: str) -> Any:
    try:
        return kind[cell.strip().upper().replace(" ", "_").replace("-", "_")]
    except KeyError:
        choices = ", ".join(each.value for each in kind)
        raise Invalid(
            name, message=f"{cell!r} is none of {choices}; translate with --value."
        ) from None


def _whether(name: str, cell: str | None) -> bool | None:
    """Yes or no; an empty cell is a no. None if the file has no such column."""
    if cell is None:
        return None
    word = cell.strip().lower()
    if word not in {*_YES, *_NO}:
        raise Invalid(name, message=f"{cell!r} is neither yes nor no; translate with --value.")
    return word in _YES


def _stars(name: str, cell: str) -> int | None:
    if not cell.strip():
        return None
    try:
        return int(cell)
    except ValueError:
        raise Invalid(name, message=f"{cell!r} is no whole number of stars.") from None


def _moment(name: str, cell: str, zone: ZoneInfo) -> datetime:
    """An instant in UTC. A time without an offset is local time in the zone."""
    try:
        moment = datetime.fromisoformat(cell.strip())
        local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(name, message=f"{cell!r} is no date and time.") from None
