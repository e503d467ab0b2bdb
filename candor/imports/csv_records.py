"""Records of a CSV file in the dialects that spreadsheets and exporters write."""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from candor.imports.text_lines import BadFile, Lines

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_CELL = 10_000_000
# Excel's own first line, which names the delimiter.
_SEP = re.compile(r'"?sep=(.)"?\r?\n?')
# A quote after an odd number of backslashes: so PHP writes a quote within a cell.
_PHP_QUOTE = re.compile(r'(?<!\\)((?:\\\\)*)\\"')


class Record(NamedTuple):
    """Cells from the lines `first` to `last`, or the error of these lines."""

    first: int
    last: int
    cells: Sequence[str]
    error: str | None = None


class Table(NamedTuple):
    """The header of a file, its delimiter, and its records."""

    header: Sequence[str]
    delimiter: str
    records: Iterator[Record]


def read_table(lines: Lines, delimiter: str | None = None) -> Table:
    """The table in these lines; the delimiter is looked for in the header unless it is given.

    Raises BadFile if there is no header.
    """
    delimiter = _named_delimiter(lines) or delimiter
    header_line = next(lines, "")
    if not header_line.strip():
        raise BadFile("The file is empty.")
    lines.put_back(1)
    delimiter = delimiter or _likely_delimiter(header_line)
    csv.field_size_limit(MAX_CELL)
    try:
        header = next(csv.reader(lines, strict=True, delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise BadFile(f"The header cannot be read: {error}.") from None
    header = [name.strip() for name in header]
    return Table(header, delimiter, _records(lines, delimiter, len(header)))


def _named_delimiter(lines: Lines) -> str | None:
    first = next(lines, "")
    if named := _SEP.fullmatch(first):
        return named[1]
    if first:
        lines.put_back(1)
    return None


def _likely_delimiter(header: str) -> str:
    """The one that makes the most columns; a comma if none makes any."""

    def columns(delimiter: str) -> int:
        return len(next(csv.reader([header], delimiter=delimiter)))

    return max(DELIMITERS, key=columns)


def _records(lines: Lines, delimiter: str, width: int) -> Iterator[Record]:
    reader = csv.reader(lines, strict=True, delimiter=delimiter)
    while True:
        first = lines.number + 1
        lines.start()
        error, cells = None, []
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as problem:
            error = f"this is no CSV: {problem}"
        if not cells and error is None:
            continue
        if error is None and len(cells) != width:
            error = f"{len(cells)} cells under {width} columns"
        if error is not None and (rescued := _with_php_quotes(lines, delimiter, width)):
            error, cells = None, rescued
        yield Record(first, lines.number, cells, error)


def _with_php_quotes(lines: Lines, delimiter: str, width: int) -> list[str] | None:
    r"""The record read again, with each `\"` for a quote; None if that makes none.

    Lines that only the first reading took are put back.
    """
    if not any('\\"' in line for line in lines.taken):
        return None
    before, used = [*lines.taken], 0

    def doubled() -> Iterator[str]:
        nonlocal used
        for line in chain(before, lines):
            used += 1
            yield _PHP_QUOTE.sub(r'\1""', line)

    try:
        cells = next(csv.reader(doubled(), strict=True, delimiter=delimiter))
    except (csv.Error, StopIteration):
        cells = []
    if len(cells) != width:
        lines.put_back(max(0, used - len(before)))
        return None
    lines.put_back(max(0, len(before) - used))
    return cells
