"""Announce to listeners in every process what has just been committed.

On PostgreSQL a process that listens has one connection for it, which also sends its announcements:
after the commit, several at once. NOTIFY inside a transaction would let only one transaction of the
whole database commit at a time. A process that ends between the commit and the announcement costs
listeners that hint. On SQLite, announcements stay within the process.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import asyncpg
import orjson

from models import clock, sql
from models.database import configuration
from models.one_round_trip import AT_ONCE, Writes

CHANNEL = "candor"
# The name of the connection that listens, in `pg_stat_activity`.
LISTENER = "candor listener"
# Announcements that may wait for one listener: more than any burst of ours.
MAX_WAITING = 10_000
_ALIVE_SECONDS, _RETRY_SECONDS = 30, 2
# Announcements of so many seconds are sent together.
_GATHER_SECONDS = 0.02
# As many are read together.
_MAX_TOGETHER = 50

T = TypeVar("T")
log = logging.getLogger("candor.announcements")


@dataclass(frozen=True)
class Announcement:
    """A hint that there is something new to read; listeners read it from the database."""

    topic: str
    facts: dict[str, Any]
    # Reads it together with others, and its place among them; empty until a listener reads it.
    _reading: "list[tuple[asyncio.Future[Any], int]]" = field(
        default_factory=list, repr=False, compare=False
    )


async def read_once(
    news: Sequence[Announcement], read: Callable[[list[Announcement]], Awaitable[Sequence[T]]]
) -> list[T]:
    """What `read` returns for each of them: each is read once for all who listen.

    Those that nobody has read yet are read together. All listeners of a topic read the same way.
    """
    unread = [each for each in news if not each._reading]
    if unread:
        read_together: asyncio.Future[Any] = asyncio.ensure_future(read(unread))
        for place, each in enumerate(unread):
            each._reading.append((read_together, place))
    # A listener that leaves does not cancel it for the others.
    results = []
    for each in news:
        reading, place = each._reading[0]
        results.append((await asyncio.shield(reading))[place])
    return results


class Missed(Exception):
    """Announcements may have been missed: the connection was lost, or too many wait."""


@dataclass(eq=False)
class Listener:
    """A queue of announcements, oldest first."""

    _waiting: deque[Announcement] = field(default_factory=deque)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _closed: type[Exception] | None = None

    def deliver(self, announcement: Announcement) -> None:
        if len(self._waiting) >= MAX_WAITING:
            self.close(Missed)
        if self._closed is None:
            self._waiting.append(announcement)
        self._arrived.set()

    def close(self, reason: type[Exception]) -> None:
        """Deliver nothing more; `next` raises the reason from now on."""
        self._closed = self._closed or reason
        self._waiting.clear()
        self._arrived.set()

    async def next(self, seconds: float | None = None) -> Announcement | None:
        """The next announcement; None when there was none for this many seconds. Raises Missed."""
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

    async def several(self) -> list[Announcement]:
        """The next announcements, those of one moment together. Raises Missed."""
        first = await self.next()
        if not sql.is_postgres():  # there the sender has gathered them
            await asyncio.sleep(_GATHER_SECONDS)
        found = [] if first is None else [first]
        while self._waiting and len(found) < _MAX_TOGETHER:
            found.append(self._waiting.popleft())
        return found


class _Outgoing:
    """What a process that listens on PostgreSQL has yet to send."""

    def __init__(self) -> None:
        self._waiting: list[str] = []
        self._arrived = asyncio.Event()

    def add(self, message: str) -> None:
        self._waiting.append(message)
        self._arrived.set()

    async def send(self, connection: Any) -> None:
        """Send what waits, for ever. What was not sent waits for the next connection."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(_GATHER_SECONDS)
            await self.flush(connection)

    async def flush(self, connection: Any) -> None:
        self._arrived.clear()
        messages = self._waiting[:]
        if messages:
            await connection.execute(_NOTIFY, CHANNEL, messages)
            del self._waiting[: len(messages)]


_NOTIFY = "SELECT pg_notify($1, message) FROM unnest($2::text[]) AS message"
_listeners: dict[str, set[Listener]] = {}
_outgoing: _Outgoing | None = None


async def announce(topic: str, *, writes: Writes = AT_ONCE, **facts: Any) -> None:
    """Announce what the caller's transaction, or `writes`, change; delivered when they commit."""
    texts = {name: str(value) for name, value in facts.items()}
    message = orjson.dumps([topic, texts]).decode()
    if not sql.is_postgres():
        writes.after_commit(lambda: _dispatch(message))
    elif _outgoing is not None:
        writes.after_commit(partial(_outgoing.add, message))
    else:
        # A command, or a worker of mail alone: it announces little.
        await writes.add("SELECT pg_notify(?, ?)", CHANNEL, message)


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
    global _outgoing  # noqa: PLW0603 - as `_listeners`, of the process
    _outgoing = _Outgoing()
    task = asyncio.create_task(_listen(credentials, _outgoing))
    try:
        yield
    finally:
        _outgoing = None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _listen(credentials: dict[str, Any], outgoing: _Outgoing) -> None:
    is_first = True
    while True:
        try:
            await _listen_until_lost(credentials, outgoing, again=not is_first)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("the connection that listens is lost: %s", type(error).__name__)
        is_first = False
        _close_listeners()
        await asyncio.sleep(_RETRY_SECONDS)


async def _listen_until_lost(
    credentials: dict[str, Any], outgoing: _Outgoing, *, again: bool
) -> None:
    """Listen on a separate connection: those of the pool must keep no session state.

    After a reconnect (`again`), listeners that were added in between are closed, too.
    """
    names = ("host", "port", "user", "password", "database", "ssl")
    parameters = {name: credentials[name] for name in names if name in credentials}
    lost = asyncio.Event()
    failure: Exception | None = None
    connection = await asyncpg.connect(
        **parameters, command_timeout=10, server_settings={"application_name": LISTENER}
    )
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, lambda *given: _dispatch(given[-1]))
        await _synchronise_clock(connection)
        if again:
            _close_listeners()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(outgoing.send(connection))
            tasks.create_task(_stay_alive(connection, lost))
    except* (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as errors:
        failure, *_ = errors.exceptions
    finally:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            async with asyncio.timeout(1):
                await outgoing.flush(connection)
        connection.terminate()
    # Raised in the block above, Python 3.11.2 would wrap it in a group again.
    if failure is not None:
        raise failure


async def _stay_alive(connection: Any, lost: asyncio.Event) -> None:
    """Follow the database's clock until the connection is lost; raises then."""
    while not lost.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(lost.wait(), _ALIVE_SECONDS)
        await _synchronise_clock(connection)


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
    announcement = Announcement(topic, facts)
    for each in tuple(_listeners.get(topic, ())):
        each.deliver(announcement)
