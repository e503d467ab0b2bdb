"""Which members of the team are not active, as a process knows it without asking each time."""

import asyncio
import time

from models import sql

# How long an answer may be used, in seconds: every process must follow within a second.
MAX_AGE = 0.3
STATEMENT = "SELECT external_id FROM team_member WHERE deactivated_at IS NOT NULL"
# Counts what this process has changed itself.
_changes = 0


def read_again() -> None:
    """Have this process read them again at once. Called after the commit of a change."""
    global _changes  # noqa: PLW0603 - of the process, as its database is
    _changes += 1


class InactiveMembers:
    """The external ids of the members who are not active, at most MAX_AGE old."""

    def __init__(self) -> None:
        self._ids: frozenset[str] = frozenset()
        self._read_at, self._changes = float("-inf"), 0
        self._reading: asyncio.Task[None] | None = None

    async def include(self, external_id: str) -> bool:
        """Whether the member with this id is one of them. Raises Unavailable."""
        if not self._is_fresh():
            if self._reading is None or self._reading.done() or self._changes != _changes:
                self._changes = _changes
                self._reading = asyncio.ensure_future(self._read())
            # A caller that leaves does not cancel it for the others.
            await asyncio.shield(self._reading)
        return external_id in self._ids

    def _is_fresh(self) -> bool:
        return self._changes == _changes and time.monotonic() - self._read_at < MAX_AGE

    async def _read(self) -> None:
        began = time.monotonic()
        ids = frozenset(row["external_id"] for row in await sql.fetch(STATEMENT))
        if began > self._read_at:
            self._ids, self._read_at = ids, began
