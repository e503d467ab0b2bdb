"""Reads rows with their line numbers from CSV or JSON Lines."""

import html
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from candor.imports.csv_records import DELIMITERS, read_table
from candor.imports.text_lines import BadFile, BadUse, Lines, opened, undecoded

# In these a cell's HTML entities are decoded if the layout says so; never in ids.
_TEXTS = ("body", "title", "reply", "reason", "_name", "_title")


@dataclass(frozen=True)
class Fields:
    """The fields of a kind of file: those that each row needs, and the others."""

    required: Collection[str]
    optional: Collection[str]

    def __iter__(self) -> Iterator[str]:
        yield from self.required
        yield from self.optional


@dataclass(frozen=True)
class Layout:
    """How a file is written and what its columns mean.

    `columns` maps names of columns to fields, `values` a field and its text to another text, and
    `fixed` gives a field the same text in each row. Without a delimiter, the header tells.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"
    delimiter: str | None = None
    unescape: bool = False


@dataclass(frozen=True)
class FileRow:
    """A row and its lines: its cells by field name, or its error."""

    line: int
    last: int
    cells: Mapping[str, str]
    error: str | None = None


@dataclass(frozen=True)
class Rows:
    """The rows of a file. `columns` are its own names, in a CSV file; `about` says what it is."""

    rows: Iterator[FileRow]
    columns: Collection[str]
    about: str


def read_rows(
    path: Path,
    fields: Fields,
    layout: Layout,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[FileRow]:
    """The rows of a file, one by one. `progress` takes how many more bytes were read.

    Raises BadFile for an empty file, an unknown encoding or a missing column, BadUse for a column
    that the file does not have and for a field that has two.
    """
    with opened(path, layout.encoding, progress) as lines:
        for row in _found(path, lines, fields, layout).rows:
            yield _finished(row, layout)


def describe(path: Path, fields: Fields, layout: Layout) -> Rows:
    """The columns of a file and what it is, without its rows. Raises as `read_rows` does."""
    with opened(path, layout.encoding) as lines:
        found = _found(path, lines, fields, layout)
        return Rows(iter(()), found.columns, found.about)


def _found(path: Path, lines: Lines, fields: Fields, layout: Layout) -> Rows:
    first = next(lines, "")
    if not first.strip():
        raise BadFile("The file is empty.")
    lines.put_back(1)
    read = _json_lines if first.lstrip().startswith("{") else _csv
    return read(path, lines, fields, layout)


def _csv(_path: Path, lines: Lines, fields: Fields, layout: Layout) -> Rows:
    table = read_table(lines, layout.delimiter)
    names = [layout.columns.get(column, column) for column in table.header]
    _check_columns(layout, table.header)
    _check_once(table.header, names, fields, layout)
    separated = DELIMITERS.get(table.delimiter, repr(table.delimiter))
    missing = sorted({*fields.required} - {*names} - layout.fixed.keys())
    if missing:
        raise BadFile(
            f"Columns are missing: {', '.join(missing)}. Name them with --map, or give all rows"
            f" one value with --set. The header, separated by {separated}, has:"
            f" {', '.join(table.header)}."
        )
    rows = (
        FileRow(
            record.first,
            record.last,
            {} if record.error else dict(zip(names, record.cells, strict=True)),
            record.error,
        )
        for record in table.records
    )
    return Rows(rows, table.header, f"CSV, separated by {separated}")


def _check_columns(layout: Layout, columns: Collection[str]) -> None:
    """Raises BadUse for a column of the layout that the file does not have."""
    for name in layout.columns:
        if name not in columns:
            like = get_close_matches(name, columns, 1)
            hint = f" Is it {like[0]!r}?" if like else ""
            raise BadUse(f"There is no column {name!r}.{hint} There are: {', '.join(columns)}.")


def _check_once(
    header: Collection[str], names: Collection[str], fields: Fields, layout: Layout
) -> None:
    """Raises BadUse if a field has two columns, or one beside a value for all rows."""
    counts = Counter([*names, *layout.fixed])
    for name in fields:
        if counts[name] > 1:
            pairs = zip(header, names, strict=True)
            sources = [f"the column {own!r}" for own, known in pairs if known == name]
            sources += ["--set"] if name in layout.fixed else []
            raise BadUse(f"The field {name} has more than one source: {' and '.join(sources)}.")


def _json_lines(path: Path, lines: Lines, fields: Fields, layout: Layout) -> Rows:
    keys = _keys(path, layout)
    _check_columns(layout, keys)
    return Rows(_objects(lines, fields, layout), keys, "JSON Lines")


def _keys(path: Path, layout: Layout) -> list[str]:
    """The names in the first rows: so many rows that they have every column of the layout."""
    keys: dict[str, None] = {}
    with opened(path, layout.encoding) as lines:
        for line in lines:
            lines.start()
            document = _document(line) if line.strip() else None
            if isinstance(document, dict):
                keys |= dict.fromkeys(document)
                if layout.columns.keys() <= keys.keys():
                    break
    return list(keys)


def _document(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return error


def _objects(lines: Lines, fields: Fields, layout: Layout) -> Iterator[FileRow]:
    needed = {*fields.required} - layout.fixed.keys()
    for line in lines:
        lines.start()
        number = lines.number
        if not line.strip():
            continue
        document = _document(line)
        if isinstance(document, Exception):
            yield FileRow(number, number, {}, f"this is no JSON: {document}")
            continue
        if not isinstance(document, dict):
            yield FileRow(number, number, {}, "this is no JSON object")
            continue
        cells = {layout.columns.get(name, name): _cell(value) for name, value in document.items()}
        yield FileRow(number, number, cells, _fault(document, cells, needed, layout))


def _fault(
    document: Mapping[str, object], cells: Mapping[str, str], needed: set[str], layout: Layout
) -> str | None:
    if missing := sorted(needed - cells.keys()):
        return f"missing: {', '.join(missing)}"
    if len(cells) < len(document) or cells.keys() & layout.fixed.keys():
        return "a field has more than one source"
    return None


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _finished(row: FileRow, layout: Layout) -> FileRow:
    """The row with the values that the layout gives its cells, or refused for its encoding."""
    if row.error is not None:
        return row
    if error := undecoded(row.cells, layout.encoding):
        return FileRow(row.line, row.last, {}, error)
    cells = {**row.cells, **layout.fixed}
    if layout.values:
        cells = {name: layout.values.get((name, cell), cell) for name, cell in cells.items()}
    if layout.unescape:
        cells = {
            name: html.unescape(cell) if name.endswith(_TEXTS) else cell
            for name, cell in cells.items()
        }
    return FileRow(row.line, row.last, cells)
