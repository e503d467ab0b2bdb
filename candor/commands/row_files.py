"""Reads rows with their line numbers from CSV or JSON Lines."""

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

MAX_CELL = 10_000_000
# Bytes that the encoding does not have, as the handler "surrogateescape" reads them.
_UNDECODED = re.compile("[\udc80-\udcff]")


class BadFile(Exception):
    """The file as a whole cannot be read; the message says why."""


@dataclass(frozen=True)
class FileRow:
    """A row and its line number: its cells by field name, or its error."""

    line: int
    cells: Mapping[str, str]
    error: str | None = None


def read_rows(
    path: Path,
    *,
    columns: Mapping[str, str],
    required: set[str],
    encoding: str = "utf-8",
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[FileRow]:
    """The rows of a file, one by one.

    `columns` maps names of columns to field names. `progress` is called with the number of bytes
    read since the last call. Raises BadFile for an empty file, an unknown encoding or a missing
    column.
    """
    codec = "utf-8-sig" if encoding.lower().replace("-", "") == "utf8" else encoding
    try:
        # Undecodable bytes become lone surrogates, so that only their row is refused.
        with path.open(encoding=codec, errors="surrogateescape", newline="") as file:
            lines = _CountedLines(file, progress)
            first = next(iter(lines), "")
            if not first.strip():
                raise BadFile("The file is empty.")
            lines.unread(first)
            read = _json_lines if first.lstrip().startswith("{") else _csv
            for row in read(lines, columns, required):
                yield _checked(row, encoding)
    except LookupError:
        raise BadFile(f"There is no encoding {encoding}.") from None


class _CountedLines:
    """Lines of a file, with `unread` to put one back, reporting the bytes that were read."""

    def __init__(self, file: TextIO, progress: Callable[[int], None]) -> None:
        self._file, self._progress, self._back = file, progress, list[str]()

    def unread(self, line: str) -> None:
        self._back.append(line)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._back:
            return self._back.pop()
        line = next(self._file)
        octets = len(line) if line.isascii() else len(line.encode(errors="surrogateescape"))
        self._progress(octets)
        return line


def _csv(lines: _CountedLines, columns: Mapping[str, str], required: set[str]) -> Iterator[FileRow]:
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(lines, strict=True)
    try:
        header = [columns.get(name.strip(), name.strip()) for name in next(reader)]
    except csv.Error as error:
        raise BadFile(f"The header cannot be read: {error}.") from None
    missing = sorted(required - set(header))
    if missing:
        raise BadFile(f"Columns are missing: {', '.join(missing)}. Name them with --map.")
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield FileRow(line, {}, f"this is no CSV: {error}")
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield FileRow(line, {}, f"{len(cells)} cells under {len(header)} columns")
            continue
        yield FileRow(line, dict(zip(header, cells, strict=True)))


def _json_lines(
    lines: _CountedLines, columns: Mapping[str, str], required: set[str]
) -> Iterator[FileRow]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield FileRow(number, {}, f"this is no JSON: {error}")
            continue
        if not isinstance(document, dict):
            yield FileRow(number, {}, "this is no JSON object")
            continue
        cells = {columns.get(name, name): _cell(value) for name, value in document.items()}
        missing = sorted(required - cells.keys())
        yield FileRow(number, cells, f"missing: {', '.join(missing)}" if missing else None)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _checked(row: FileRow, encoding: str) -> FileRow:
    if row.error is None and any(map(_UNDECODED.search, row.cells.values())):
        return FileRow(row.line, {}, f"this is not {encoding}; try --encoding latin-1")
    return row
