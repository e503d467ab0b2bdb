"""`candor import`: orders and reviews from files."""

import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from candor.commands.environment import run_in_database
from candor.commands.import_progress import showing
from candor.commands.import_report import Report
from candor.commands.import_source import Source
from candor.commands.importing import import_orders, import_reviews
from candor.commands.row_files import BadFile
from models import statistics
from models.time_zone import time_zone as iana_name
from models.unavailable import Unavailable

_AGAIN = "import the file again, what was stored does not change."


@click.group(name="import")
def import_() -> None:
    """Import orders or reviews from CSV or JSON Lines. Running it twice changes nothing."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--dry-run", is_flag=True, help="Do everything, keep nothing."),
        click.option(
            "--time-zone",
            help="Where dates without an offset are meant; the site's time zone by default.",
        ),
        click.option("--encoding", default="utf-8", show_default=True, help="Of the file."),
        click.option(
            "--value",
            "values",
            multiple=True,
            metavar="FIELD:TEXT=VALUE",
            help="Read a cell as another value: status:delivered=COMPLETED. May be repeated.",
        ),
        click.option(
            "--map",
            "columns",
            multiple=True,
            metavar="COLUMN=FIELD",
            help="Read a column of another name as a field. May be repeated.",
        ),
        click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
    ):
        command = option(command)
    return command


@import_.command()
@_options
def orders(**options: Any) -> None:
    """Orders, with the columns order_id, status, completed_at, customer_id, customer_name,
    customer_email, vendor_id, vendor_name, service_id, service_title.
    """
    _run(import_orders, **options)


@import_.command()
@_options
@click.option(
    "--verified",
    is_flag=True,
    help="You vouch for the purchases: those that the column verified_purchase names, and without"
    " such a column all of completed orders.",
)
def reviews(**options: Any) -> None:
    """Reviews, with the columns order_id, rating, body, created_at, communication, quality, value,
    status, reason (of a rejected one; OTHER if left out), verified_purchase (read with --verified).

    They keep their dates and send no mail. Of several reviews of one order the newest is imported.
    Verified purchases are those of orders that the API received before, and those you vouch for.
    """
    _run(import_reviews, **options)


def _run(
    work: Callable[[Source], Coroutine[Any, Any, Report]],
    *,
    file: Path,
    columns: tuple[str, ...],
    values: tuple[str, ...],
    encoding: str,
    time_zone: str | None,
    dry_run: bool,
    verified: bool = False,
) -> None:
    zone = _known_zone(time_zone)
    # A file of reviews is read twice.
    readings = 2 if work is import_reviews else 1
    with showing(file.name, file.stat().st_size * readings) as advance:
        source = Source(
            file,
            dict(_pair(each) for each in columns),
            dict(_cell_pair(each) for each in values),
            encoding,
            zone,
            dry_run,
            verified,
            advance,
            Report(tell=_tell),
        )
        stopped = None
        try:
            run_in_database(_import(work, source))
        except BadFile as error:
            stopped = str(error)
        except click.ClickException as error:
            stopped = error.message
    if stopped is None or source.report.counts:
        _print_report(source.report, dry_run=dry_run)
    if stopped is not None:
        if source.report.stopped and not dry_run:
            stopped += f" {source.report.stopped}, and nothing of what follows: {_AGAIN}"
        raise click.ClickException(stopped)
    if source.report.failed:
        raise SystemExit(1)


async def _import(work: Callable[[Source], Coroutine[Any, Any, Report]], source: Source) -> None:
    await work(source)
    # The rows are stored: without statistics lists are only slower for a while.
    with suppress(Unavailable):
        await statistics.refresh()


def _tell(line: int, remark: str) -> None:
    # On a terminal it takes the place of the bar, which is drawn again below.
    start = "\r\033[K" if sys.stderr.isatty() else ""
    click.echo(f"{start}line {line}: {remark}", err=True)


def _print_report(report: Report, *, dry_run: bool) -> None:
    """Print what was done, also after an import that stopped early."""
    report.tell_remarks()
    counts = ", ".join(f"{number} {name}" for name, number in sorted(report.counts.items()))
    click.echo(f"{'Dry run, nothing kept: ' if dry_run else ''}{counts or 'no rows'}")


def _pair(given: str) -> tuple[str, str]:
    left, equals, right = given.rpartition("=")
    if not equals or not left or not right:
        raise click.UsageError(f"{given!r} is not of the form NAME=VALUE.")
    return left, right


def _cell_pair(given: str) -> tuple[tuple[str, str], str]:
    cell, value = _pair(given)
    field, colon, text = cell.partition(":")
    if not colon:
        raise click.UsageError(f"{given!r} is not of the form FIELD:TEXT=VALUE.")
    return (field, text), value


def _known_zone(name: str | None) -> str | None:
    try:
        return iana_name(name) if name is not None else None
    except ValueError:
        raise click.UsageError(f"There is no time zone {name!r} in the IANA list.") from None
