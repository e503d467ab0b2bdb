"""Tell whoever listens, in every process, what has just been committed.

On PostgreSQL by NOTIFY, which the database sends on commit to a connection that listens and does
nothing else. On SQLite within this process, after the commit.
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
# What may wait for one listener. One that falls further behind is let go.
MAX_WAITING = 200
_ALIVE_SECONDS, _RETRY_SECONDS = 30, 2

log = logging.getLogger("candor.announcements")


@dataclass(frozen=True)
class Announcement:
    """A hint that something is there to be read; what it is, its reader asks the database."""

    topic: str
    facts: dict[str, Any]


class FellBehind(Exception):
    """The listener did not keep up with what was announced."""


class Missed(Exception):
    """Nobody knows what was announced meanwhile: the connection that listens was lost."""


@dataclass(eq=False)
class Listener:
    """What waits to be heard, oldest first."""

    _waiting: deque[Announcement] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _broken: type[Exception] | None = None

    def tell(self, announcement: Announcement) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self.give_up(FellBehind)
        if self._broken is None:
            self._waiting.append(announcement)
        self._arrived.set()

    def give_up(self, why: type[Exception]) -> None:
        """Let it hear no more, and say why."""
        self._broken = self._broken or why
        self._waiting.clear()
        self._arrived.set()

    async def next(self, seconds: float | None = None) -> Announcement | None:
        """The next announcement; None when there was none for so long.

        Raises FellBehind, Missed.
        """
        if not self._waiting and self._broken is None:
            self._arrived.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        if self._broken is not None:
            raise self._broken
        return self._waiting.popleft()


_listeners: dict[str, set[Listener]] = {}


async def announce(topic: str, *, writes: Writes = AT_ONCE, **facts: Any) -> None:
    """Announce what the caller's transaction, or `writes`, do; heard if and when it commits."""
    told = {name: str(value) for name, value in facts.items()}
    message = orjson.dumps([topic, told]).decode()
    if sql.is_postgres():
        await writes.add("SELECT pg_notify(?, ?)", CHANNEL, message)
        return
    connection: Any = get_connection("default")
    while not hasattr(connection, "after_commit"):  # a savepoint inside a transaction
        connection = connection._parent
    connection.after_commit(lambda: _spread(message))


@contextmanager
def listener(topic: str) -> Iterator[Listener]:
    """Listen to a topic from now on."""
    listening = Listener()
    _listeners.setdefault(topic, set()).add(listening)
    try:
        yield listening
    finally:
        _listeners[topic].discard(listening)


@asynccontextmanager
async def hearing(url: str) -> AsyncIterator[None]:
    """Hear what other processes announce in the database of this URL, as long as it lasts."""
    credentials = configuration(url)["connections"]["default"]["credentials"]
    if "file_path" in credentials:
        yield
        return
    task = asyncio.create_task(_hear(credentials))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _hear(credentials: dict[str, Any]) -> None:
    is_first = True
    while True:
        try:
            await _hear_until_lost(credentials, again=not is_first)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("the connection that listens is lost: %s", type(error).__name__)
        is_first = False
        _give_up()
        await asyncio.sleep(_RETRY_SECONDS)


async def _hear_until_lost(credentials: dict[str, Any], *, again: bool) -> None:
    """Listen on a connection of its own: the pool's connections keep no state.

    Whoever began to listen while there was none is told so, when there is one `again`.
    """
    names = ("host", "port", "user", "password", "database", "ssl")
    known = {name: credentials[name] for name in names if name in credentials}
    lost = asyncio.Event()
    connection = await asyncpg.connect(**known, command_timeout=10)
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, lambda *heard: _spread(heard[-1]))
        await _ask_the_time(connection)
        if again:
            _give_up()
        while not lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), _ALIVE_SECONDS)
            await _ask_the_time(connection)
    finally:
        connection.terminate()


def _give_up() -> None:
    """Nobody who listens now can know that nothing was missed."""
    for listening in (each for listeners in _listeners.values() for each in listeners):
        listening.give_up(Missed)


async def _ask_the_time(connection: Any) -> None:
    before = clock.own()
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    clock.follow(theirs, before, clock.own())


def _spread(message: Any) -> None:
    topic, facts = orjson.loads(message)
    for listening in tuple(_listeners.get(topic, ())):
        listening.tell(Announcement(topic, facts))
