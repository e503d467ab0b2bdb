"""Announce to listeners in every process what has just been committed.

PostgreSQL sends NOTIFY on commit, to one connection per process that does nothing but listen. On
SQLite, announcements stay within the process and are made after the commit.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from tortoise.connection import get_connection

from models import clock, sql
from models.database import configuration
from models.one_round_trip import AT_ONCE, Writes

CHANNEL = "candor"
# Announcements that may wait for one listener. One that falls further behind is closed.
MAX_WAITING = 200
_ALIVE_SECONDS, _RETRY_SECONDS = 30, 2

log = logging.getLogger("candor.announcements")


@dataclass(frozen=True)
class Announcement:
    """A hint that there is something new to read; listeners read it from the database."""

    topic: str
    facts: dict[str, Any]


class FellBehind(Exception):
    """The listener did not keep up with the announcements."""


class Missed(Exception):
    """Announcements may have been missed: the connection that listens was lost."""


@dataclass(eq=False)
class Listener:
    """A queue of announcements, oldest first."""

    _waiting: deque[Announcement] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: type[Exception] | None = None

    def deliver(self, announcement: Announcement) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self.close(FellBehind)
        if self._closed is None:
            self._waiting.append(announcement)
        self._arrived.set()

    def close(self, reason: type[Exception]) -> None:
        """Deliver nothing more; `next` raises the reason from now on."""
        self._closed = self._closed or reason
        self._waiting.clear()
        self._arrived.set()

    async def next(self, seconds: float | None = None) -> Announcement | None:
        """The next announcement; None when there was none for this many seconds.

        Raises FellBehind, Missed.
        """
        if not self._waiting and self._closed is None:
            self._arrived.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        if self._closed is not None:
            raise self._closed
        return self._waiting.popleft()


_listeners: dict[str, set[Listener]] = {}


async def announce(topic: str, *, writes: Writes = AT_ONCE, **facts: Any) -> None:
    """Announce what the caller's transaction, or `writes`, change; delivered when they commit."""
    texts = {name: str(value) for name, value in facts.items()}
    message = orjson.dumps([topic, texts]).decode()
    if sql.is_postgres():
        await writes.add("SELECT pg_notify(?, ?)", CHANNEL, message)
        return
    connection: Any = get_connection("default")
    while not hasattr(connection, "after_commit"):  # a savepoint inside a transaction
        connection = connection._parent
    connection.after_commit(lambda: _dispatch(message))


@contextmanager
def listener(topic: str) -> Iterator[Listener]:
    """Listen to a topic from now on."""
    added = Listener()
    _listeners.setdefault(topic, set()).add(added)
    try:
        yield added
    finally:
        _listeners[topic].discard(added)


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[None]:
    """Receive what other processes announce in the database of this URL."""
    credentials = configuration(url)["connections"]["default"]["credentials"]
    if "file_path" in credentials:
        yield
        return
    task = asyncio.create_task(_listen(credentials))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listen(credentials: dict[str, Any]) -> None:
    is_first = True
    while True:
        try:
            await _listen_until_lost(credentials, again=not is_first)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("the connection that listens is lost: %s", type(error).__name__)
        is_first = False
        _close_listeners()
        await asyncio.sleep(_RETRY_SECONDS)


async def _listen_until_lost(credentials: dict[str, Any], *, again: bool) -> None:
    """Listen on a separate connection: those of the pool must keep no session state.

    After a reconnect (`again`), listeners that were added in between are closed, too.
    """
    names = ("host", "port", "user", "password", "database", "ssl")
    parameters = {name: credentials[name] for name in names if name in credentials}
    lost = asyncio.Event()
    connection = await asyncpg.connect(**parameters, command_timeout=10)
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, lambda *given: _dispatch(given[-1]))
        await _synchronise_clock(connection)
        if again:
            _close_listeners()
        while not lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), _ALIVE_SECONDS)
            await _synchronise_clock(connection)
    finally:
        connection.terminate()


def _close_listeners() -> None:
    """Close them all: each may have missed something."""
    for each in (one for listeners in _listeners.values() for one in listeners):
        each.close(Missed)


async def _synchronise_clock(connection: Any) -> None:
    before = clock.machine_now()
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    clock.follow(theirs, before, clock.machine_now())


def _dispatch(message: Any) -> None:
    topic, facts = orjson.loads(message)
    for each in tuple(_listeners.get(topic, ())):
        each.deliver(Announcement(topic, facts))
