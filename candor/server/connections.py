"""Limits on the connections of one process: their number, and how long each may keep us waiting."""

import asyncio
import logging
import resource
import time
from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from candor.callers.budgets import network
from candor.errors import RequestError

log = logging.getLogger("candor.connections")

# Seconds. Honest clients send their first byte and their header far sooner.
FIRST_BYTE_SECONDS = 10.0
HEADER_SECONDS = 10.0
# Enough for MAX_BODY at 7 kB a second.
BODY_SECONDS = 30.0
# A client that reads nothing for this long is treated as gone.
STALL_SECONDS = 20.0
# One periodic check costs less than a timer for each connection.
CHECK_EVERY = 0.5
WARN_EVERY = 60.0
# File descriptors for the database, the relay and files.
OTHER_DESCRIPTORS = 150


class Awaited(Enum):
    """What a connection waits for: the part of a request that the client must send next."""

    FIRST_BYTE = "first byte"
    HEADER = "header"
    BODY = "body"
    # The server must act next.
    NOTHING = "nothing"

    @property
    def seconds(self) -> float:
        match self:
            case Awaited.FIRST_BYTE:
                return FIRST_BYTE_SECONDS
            case Awaited.HEADER:
                return HEADER_SECONDS
            case Awaited.BODY:
                return BODY_SECONDS
        return float("inf")


class TooManyConnections(RequestError):
    """Too many connections are open."""

    status = 503
    code = "TOO_MANY_CONNECTIONS"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class TooManyConnectionsOfOne(TooManyConnections):
    """Too many connections are open from your address."""

    status = 429


class Connection(Protocol):
    """What `Connections` needs of a connection."""

    @property
    def idle_since(self) -> float | None:
        """The time since which it waits for the header of a request; None if it does not."""

    def check(self, now: float) -> None:
        """End it if it has kept us waiting for too long."""

    def drop(self) -> None:
        """End it at once."""


class Connections:
    """All connections of this process, with the address that each is counted for.

    At the limit, the longest idle connection is closed for a new one, so that clients that only
    hold connections open keep nobody out. A new one is refused only while all others are busy.
    """

    def __init__(self, most: int, most_per_address: int) -> None:
        self._most, self._most_per_address = most, most_per_address
        self._addresses: dict[Connection, str | None] = {}
        self._by_address: dict[str, set[Connection]] = {}
        self._is_scheduled = False
        self._warned_at = -WARN_EVERY

    def admit(self, connection: Connection, address: str | None) -> None:
        """Take a connection in and count it for its address, if it has one.

        Raises TooManyConnections.
        """
        try:
            self.count(connection, address)
            full = len(self._addresses) > self._most
            if full and not self._evict_idle(self._addresses, connection):
                raise self._warn(TooManyConnections())
        except TooManyConnections:
            self.leave(connection)
            raise
        self._schedule_check()

    def count(self, connection: Connection, address: str | None) -> None:
        """Count a connection for this address from now on, or for none.

        Raises TooManyConnectionsOfOne.
        """
        self.leave(connection)
        self._addresses[connection] = None
        if address is None:
            return
        name = network(address)
        neighbours = self._by_address.get(name, set())
        if len(neighbours) >= self._most_per_address and not self._evict_idle(
            neighbours, connection
        ):
            raise self._warn(TooManyConnectionsOfOne())
        self._by_address.setdefault(name, set()).add(connection)
        self._addresses[connection] = name

    def leave(self, connection: Connection) -> None:
        name = self._addresses.pop(connection, None)
        if name is None:
            return
        self._by_address[name].discard(connection)
        if not self._by_address[name]:
            del self._by_address[name]

    def replace(self, connection: Connection, successor: Connection) -> None:
        """Count `successor` in place of a connection: its protocol has changed."""
        name = self._addresses.get(connection)
        self.leave(connection)
        self._addresses[successor] = name
        if name is not None:
            self._by_address.setdefault(name, set()).add(successor)

    def _evict_idle(self, among: Iterable[Connection], newcomer: Connection) -> bool:
        """Drop the longest idle of these connections. False if none is idle."""
        idle = [
            (since, id(each), each)
            for each in among
            if each is not newcomer and (since := each.idle_since) is not None
        ]
        if not idle:
            return False
        longest = min(idle)[2]
        self.leave(longest)
        longest.drop()
        return True

    def _warn(self, error: TooManyConnections) -> TooManyConnections:
        """Log the refusal, at most once per WARN_EVERY. Gives it back."""
        now = time.monotonic()
        if now - self._warned_at >= WARN_EVERY:
            self._warned_at = now
            log.warning("a connection is refused: %s", error.message)
        return error

    def _schedule_check(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_later(CHECK_EVERY, self._check_all)

    def _check_all(self) -> None:
        self._is_scheduled = False
        if not self._addresses:
            return
        self._schedule_check()
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._addresses):
            connection.check(now)


class StallDetector:
    """Detects a client that has stopped reading."""

    def __init__(self) -> None:
        self._size, self._since = 0, 0.0

    def stalls(self, transport: asyncio.Transport, now: float) -> bool:
        """Whether the client has read nothing for STALL_SECONDS. To be called periodically."""
        size = transport.get_write_buffer_size()
        if not self._size or size < self._size:
            self._since = now
        self._size = size
        return size > 0 and now - self._since >= STALL_SECONDS


def within_descriptors(most: int) -> int:
    """This many connections, or fewer if the limit on open files forbids it. Raises that limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    needed = most + OTHER_DESCRIPTORS
    allowed = needed if hard == unlimited else min(needed, hard)
    if soft != unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning("only %d files may be open here: fewer connections are taken", hard)
    return max(allowed - OTHER_DESCRIPTORS, 1)
