"""What an import would read of a file: its columns and its first rows."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from candor.imports.importing import Kind, Reading, reading_of
from candor.imports.row_files import FileRow, describe, read_rows
from candor.imports.source import Source
from resolvers.errors import Refusal

ROWS = 5


async def preview(kind: Kind[Any], source: Source) -> list[str]:
    """Lines for people. Raises BadFile as an import would; stores nothing."""
    reading = await reading_of(source)
    layout = source.layout
    about = describe(source.path, kind.fields, layout)
    known = {column: layout.columns.get(column, column) for column in about.columns}
    used = [column for column, name in known.items() if name in kind.fields]
    rows = read_rows(source.path, kind.fields, layout)
    return [
        f"{source.path.name}: {about.about}",
        f"Columns used: {', '.join(used) or 'none'}",
        f"Columns not used: {', '.join(name for name in known if name not in used) or 'none'}",
        *(_row(row, kind, source, reading) for row in islice(rows, ROWS)),
    ]


def _row(row: FileRow, kind: Kind[Any], source: Source, reading: Reading) -> str:
    if row.error is not None:
        return f"line {row.line}: {row.error}"
    try:
        facts = kind.parse(row, reading)
    except Refusal as error:
        return f"line {row.line}: {source.describe(error)}"
    values = {**vars(facts), **vars(facts).get("written", {})}
    cells = {name: cell for name, cell in row.cells.items() if name in kind.fields and cell}
    return f"line {row.line}: {_shown({name: values.get(name, cells[name]) for name in cells})}"


def _shown(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {str(value)!r}" for name, value in values.items())
