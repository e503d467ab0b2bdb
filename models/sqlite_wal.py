"""Keep an SQLite file's WAL short, also when somebody reads at any time.

SQLite copies the WAL into the file after commits, but can begin it anew only in a moment in which
nobody reads of it. Where reads overlap without an end, writers have to wait for such a moment.
"""

import os
from typing import Any

# Bytes beyond which writers wait: sixteen times what SQLite itself aims at.
LONG = 64 * 2**20
# Milliseconds that they wait at most.
_PAUSE = 3_000


class Wal:
    """The WAL of a file."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        self._tolerated = LONG

    @property
    def is_long(self) -> bool:
        try:
            return os.stat(self._path).st_size > self._tolerated  # noqa: PTH116 - after each commit
        except OSError:
            return False

    async def begin_anew(self, writer: Any, busy_timeout: int) -> None:
        """Hold off writers until the reads of now have ended; new reads need no WAL by then.

        When that was in vain, the WAL may grow to the double before it is tried again.
        """
        await writer.execute(f"PRAGMA busy_timeout={_PAUSE}")
        try:
            await writer.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            await writer.execute(f"PRAGMA busy_timeout={busy_timeout}")
        self._tolerated = max(LONG, 2 * os.stat(self._path).st_size)  # noqa: PTH116 - one call
