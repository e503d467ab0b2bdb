"""`candor import`: orders and reviews from files."""

import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from candor.commands.environment import run_in_database
from candor.commands.import_progress import showing
from candor.imports.dates import check_format
from candor.imports.importing import ORDERS, REVIEWS, Kind
from candor.imports.preview import preview
from candor.imports.report import Report
from candor.imports.row_files import Fields, Layout
from candor.imports.source import Source
from candor.imports.text_lines import BadFile, BadUse
from models import statistics
from models.time_zone import time_zone as iana_name
from models.unavailable import Unavailable

_AGAIN = "import the file again, what was stored does not change."


def _help(rows: str, fields: Fields, more: str = "") -> str:
    return (
        f"{rows}, with the columns {', '.join(fields.required)}; if there are any, also"
        f" {', '.join(fields.optional)}.\n\n{more}"
    )


@click.group(name="import")
def import_() -> None:
    """Import orders or reviews from CSV or JSON Lines. Running it twice changes nothing."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--dry-run", is_flag=True, help="Do everything, keep nothing."),
        click.option(
            "--check", is_flag=True, help="Show how the first rows are read, and do nothing."
        ),
        click.option(
            "--time-zone",
            help="Where dates without an offset are meant; the site's time zone by default.",
        ),
        click.option(
            "--date-format",
            "date_formats",
            multiple=True,
            metavar="FORMAT",
            help="How dates are written, as %m/%d/%Y, unix or unix-ms. May be repeated: the first"
            " that fits is taken. Needed for those that can be read in two ways only.",
        ),
        click.option("--encoding", default="utf-8", show_default=True, help="Of the file."),
        click.option(
            "--delimiter",
            metavar="CHARACTER",
            help=r"Between the cells, \t for a tab; found in the header by default.",
        ),
        click.option(
            "--unescape", is_flag=True, help="Decode HTML entities in texts, once: &amp;amp; to &."
        ),
        click.option(
            "--set",
            "fixed",
            multiple=True,
            metavar="FIELD=VALUE",
            help="Give every row this value. May be repeated.",
        ),
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


@import_.command(help=_help("Orders", ORDERS.fields))
@_options
def orders(**options: Any) -> None:
    _run(ORDERS, **options)


@import_.command(
    help=_help(
        "Reviews",
        REVIEWS.fields,
        "They keep their dates and send no mail. Of several reviews of one order the newest is"
        " imported. An order that has another review keeps it, and the exit status is 1."
        " verified_purchase is read with --verified; a reason belongs to a rejected review.",
    )
)
@_options
@click.option(
    "--verified",
    is_flag=True,
    help="You vouch for the purchases: those that the column verified_purchase names, and without"
    " such a column all of completed orders. Others are verified if the API received their orders"
    " before.",
)
@click.option(
    "--allow-skips",
    is_flag=True,
    help="Exit with 0 although some orders have another review, which stays.",
)
def reviews(**options: Any) -> None:
    _run(REVIEWS, **options)


def _run(
    kind: Kind[Any],
    *,
    file: Path,
    columns: tuple[str, ...],
    values: tuple[str, ...],
    fixed: tuple[str, ...],
    encoding: str,
    delimiter: str | None,
    unescape: bool,
    date_formats: tuple[str, ...],
    time_zone: str | None,
    dry_run: bool,
    check: bool,
    verified: bool = False,
    allow_skips: bool = False,
) -> None:
    layout = Layout(
        dict(map(_column, columns)),
        dict(map(_cell, values)),
        dict(map(_fixed, fixed)),
        encoding,
        _character(delimiter),
        unescape,
    )
    _check_fields(kind.fields, layout)
    _check_formats(date_formats)
    source = Source(file, layout, _known_zone(time_zone), date_formats, dry_run, verified)
    if check:
        _show(kind, source)
        return
    report = _store(kind, source)
    if report.failed or (report.differing and not allow_skips):
        raise SystemExit(1)


def _show(kind: Kind[Any], source: Source) -> None:
    try:
        for line in run_in_database(preview(kind, source)):
            click.echo(line)
    except BadFile as error:
        raise _exit(error) from None
    arguments = [each for each in sys.argv[1:] if each != "--check"]
    click.echo(f"To import it: {shlex.join(['candor', *arguments])}")


def _store(kind: Kind[Any], source: Source) -> Report:
    """Import the file and print the report, also of an import that stopped early."""
    octets = source.path.stat().st_size * kind.readings
    with showing(source.path.name, octets) as advance:
        source = replace(source, progress=advance, report=Report(tell=_tell))
        report, stopped = source.report, None
        try:
            run_in_database(_import(kind, source))
        except BadFile as error:
            stopped = _exit(error)
        except click.ClickException as error:
            stopped = error
    if stopped is None or report.counts:
        _print_report(report, dry_run=source.dry_run)
    if stopped is None:
        return report
    if report.stopped and not source.dry_run:
        raise click.ClickException(
            f"{stopped.message} {report.stopped}, and nothing of what follows: {_AGAIN}"
        )
    raise stopped


def _exit(error: BadFile) -> click.ClickException:
    if isinstance(error, BadUse):
        return click.UsageError(str(error))
    return click.ClickException(str(error))


async def _import(kind: Kind[Any], source: Source) -> None:
    await kind.store(source)
    # The rows are stored: without statistics lists are only slower for a while.
    with suppress(Unavailable):
        await statistics.refresh()


def _tell(remark: str) -> None:
    # On a terminal it takes the place of the bar, which is drawn again below.
    start = "\r\033[K" if sys.stderr.isatty() else ""
    click.echo(f"{start}{remark}", err=True)


def _print_report(report: Report, *, dry_run: bool) -> None:
    report.tell_remarks()
    counts = ", ".join(f"{number} {name}" for name, number in sorted(report.counts.items()))
    click.echo(f"{'Dry run, nothing kept: ' if dry_run else ''}{counts or 'no rows'}")


def _column(given: str) -> tuple[str, str]:
    column, equals, field = given.rpartition("=")
    if not equals or not column or not field:
        raise click.UsageError(f"{given!r} is not of the form COLUMN=FIELD.")
    return column, field


def _fixed(given: str) -> tuple[str, str]:
    field, equals, value = given.partition("=")
    if not equals or not field or not value:
        raise click.UsageError(f"{given!r} is not of the form FIELD=VALUE.")
    return field, value


def _cell(given: str) -> tuple[tuple[str, str], str]:
    cell, equals, value = given.rpartition("=")
    field, colon, text = cell.partition(":")
    if not equals or not colon or not field or not value:
        raise click.UsageError(f"{given!r} is not of the form FIELD:TEXT=VALUE.")
    return (field, text), value


def _character(delimiter: str | None) -> str | None:
    if delimiter is None:
        return None
    character = "\t" if delimiter in {"\\t", "tab"} else delimiter
    if len(character) != 1 or character in '"\r\n':
        raise click.UsageError(f"{delimiter!r} is not one character that can stand between cells.")
    return character


def _check_fields(fields: Fields, layout: Layout) -> None:
    named = [*layout.columns.values(), *layout.fixed, *(field for field, _ in layout.values)]
    for name in named:
        if name not in fields:
            like = get_close_matches(name, fields, 1)
            hint = f" Is it {like[0]}?" if like else ""
            raise click.UsageError(f"There is no field {name!r}.{hint} Fields: {', '.join(fields)}")


def _check_formats(formats: tuple[str, ...]) -> None:
    for each in formats:
        try:
            check_format(each)
        except ValueError as error:
            raise click.UsageError(str(error)) from None


def _known_zone(name: str | None) -> str | None:
    try:
        return iana_name(name) if name is not None else None
    except ValueError:
        raise click.UsageError(f"There is no time zone {name!r} in the IANA list.") from None
