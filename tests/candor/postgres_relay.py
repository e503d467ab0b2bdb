"""A relay in front of PostgreSQL that can hold answers back or drop connections."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit

from models.announcements import LISTENER

_SOCKET = ".s.PGSQL.5432"


class Relay:
    """`url` leads to the database through it.

    `passed` answers came through. After `passes` more, it holds back all others or, with `breaks`,
    ends the connections. Those of a connection that listens are not counted, nor held back: they
    come when they like.
    """

    def __init__(self, database: str, folder: Path) -> None:
        parts = urlsplit(database)
        self._target = Path(parse_qs(parts.query)["host"][0]) / _SOCKET
        self._path = folder / _SOCKET
        self.url = urlunsplit(parts._replace(query=f"host={folder}"))
        self.passes: int | None = None
        self.passed = 0
        self.breaks = self.holds = False
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_unix_server(self._lead, self._path)

    async def close(self) -> None:
        """Accept no more connections, and drop the open ones."""
        self._server.close()
        self._path.unlink(missing_ok=True)
        self.drop()

    def drop(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    def hold_after(self, passes: int | None, *, breaks: bool = False) -> None:
        """`holds` tells, until the next time, whether anything was held back; None: no more."""
        self.passes, self.breaks = passes, breaks
        self.holds &= passes is None

    def steps(self, told: set[str], wanted: str) -> Iterator[int]:
        """After how many answers to hold back: one more each time, until nothing was held back.

        A connection that knew the statements already has fewer answers than another one, so that
        a step can be left out: the last ones come again until what is `wanted` was `told`.
        """
        step, rounds = 0, 10
        while True:
            yield step
            if self.holds:
                step += 1
            elif wanted in told or not rounds:
                return
            else:
                step, rounds = max(0, step - 6), rounds - 1

    async def _lead(self, reader, writer) -> None:
        theirs, ours = await asyncio.open_unix_connection(self._target)
        self._open |= {writer, ours}
        self._tasks.add(asyncio.current_task())
        with suppress(OSError):
            ours.write(start := await reader.read(2**16))
            counts = LISTENER.encode() not in start
            await asyncio.gather(
                self._pass(reader, ours, counts=False), self._pass(theirs, writer, counts=counts)
            )
        self._open -= {writer, ours}
        for each in (writer, ours):
            each.transport.abort()

    async def _pass(self, reader, writer, *, counts: bool) -> None:
        while octets := await reader.read(2**16):
            if counts and self.passes is not None:
                if self.passes == 0:
                    self.holds = True
                    if self.breaks:
                        break
                    continue
                self.passes -= 1
            self.passed += counts
            writer.write(octets)
            await writer.drain()
        writer.transport.abort()
