"""Which line of a file has the newest review of each order; found with bounded memory."""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime

from candor.imports.text_lines import BadFile

# Kibibytes that SQLite keeps in memory before it writes to the temporary file.
_CACHE = 4_000
_TABLE = 'CREATE TABLE newest ("order" BLOB PRIMARY KEY, at REAL, line INT) WITHOUT ROWID'
_KEEP_NEWEST = """
INSERT INTO newest VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at, line = excluded.line
WHERE excluded.at >= newest.at"""


class NewestLines:
    """The line of each order's newest review; on equal dates, the last line."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def add(self, lines: Iterable[tuple[str, datetime, int]]) -> None:
        """Take the order, the date and the number of each line, in the order of the file."""
        rows = ((_key(order), at.timestamp(), line) for order, at, line in lines)
        self._database.executemany(_KEEP_NEWEST, rows)

    def of(self, orders: Collection[str]) -> dict[str, int]:
        """The line of the newest review of each of these orders."""
        by_key = {_key(order): order for order in orders}
        places = ", ".join("?" * len(by_key))
        found = self._database.execute(
            f'SELECT "order", line FROM newest WHERE "order" IN ({places})', list(by_key)
        )
        return {by_key[key]: line for key, line in found}


def _key(order: str) -> bytes:
    """Any text: the file may hold lone surrogates, which SQLite refuses in a text."""
    return order.encode(errors="surrogatepass")


@contextmanager
def newest_lines() -> Iterator[NewestLines]:
    """An empty one, in a temporary file that disappears with this process, however it ends.

    Raises BadFile if the folder for temporary files is full.
    """
    try:
        # A database without a name is such a file.
        with closing(sqlite3.connect("", isolation_level=None)) as database:
            database.execute(f"PRAGMA cache_size = -{_CACHE}")
            database.execute("PRAGMA journal_mode = OFF")
            database.execute(_TABLE)
            yield NewestLines(database)
    except sqlite3.Error as error:
        raise BadFile(f"The folder for temporary files cannot be used: {error}.") from None
