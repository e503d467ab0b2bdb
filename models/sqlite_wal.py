"""Keep the WAL of an SQLite file short even if there is always a read under way.

SQLite copies the WAL into the file after commits, but can restart it only while nothing reads from
it. If reads overlap endlessly, writers must wait until the current ones have ended.
"""

import os
from typing import Any

# Above this many bytes, writers wait: sixteen times the size that SQLite aims at.
MAX_BYTES = 64 * 2**20
# Milliseconds that they wait at most.
_MAX_WAIT = 3_000


class Wal:
    """The WAL of a database file."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        self._limit = MAX_BYTES

    @property
    def is_long(self) -> bool:
        try:
            return os.stat(self._path).st_size > self._limit  # noqa: PTH116 - after each commit
        except OSError:
            return False

    async def restart(self, writer: Any, busy_timeout: int) -> None:
        """Make writers wait for the current reads; later reads do not need the WAL.

        If the wait was in vain, the WAL may double in size before the next attempt.
        """
        await writer.execute(f"PRAGMA busy_timeout={_MAX_WAIT}")
        try:
            await writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            await writer.execute(f"PRAGMA busy_timeout={busy_timeout}")
        self._limit = max(MAX_BYTES, 2 * os.stat(self._path).st_size)  # noqa: PTH116 - one call
