"""The connections of one process: how many there may be, and how long each may keep us waiting."""

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

# Seconds. A client that means it has sent its first byte and its header long before.
FIRST_BYTE_SECONDS = 10.0
HEADER_SECONDS = 10.0
# The largest body that is taken needs so long at 7 kB a second.
BODY_SECONDS = 30.0
# Whoever takes nothing of what is sent for so long is taken for gone.
STALL_SECONDS = 20.0
# A timer for each connection would cost more than to look around now and then.
LOOK_EVERY = 0.5
TELL_EVERY = 60.0
# What the database, the relay and files need beside the connections.
OTHER_DESCRIPTORS = 150


class Awaited(Enum):
    """What a connection waits for: the part of a request that the client has to send next."""

    FIRST_BYTE = "first byte"
    HEADER = "header"
    BODY = "body"
    # It is our turn.
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
    """A connection, as those that watch over it know it."""

    @property
    def idle_since(self) -> float | None:
        """Since when it has been waiting for the header of a request; None when it is not."""

    def look(self, now: float) -> None:
        """End it, if it keeps us waiting for too long."""

    def drop(self) -> None:
        """End it at once."""


class Connections:
    """Knows every connection of this process, and the address that each is counted for.

    Where there is no place, the one that has been idle for the longest gives way: whoever only
    holds connections open keeps nobody out. So refused is only who comes while all are busy.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most, self._most_of_one = most, most_of_one
        self._addresses: dict[Connection, str | None] = {}
        self._of: dict[str, set[Connection]] = {}
        self._looks = False
        self._told_at = -TELL_EVERY

    def admit(self, connection: Connection, address: str | None) -> None:
        """Take a connection in and count it for its address, if it has one.

        Raises TooManyConnections.
        """
        try:
            self.count(connection, address)
            full = len(self._addresses) > self._most
            if full and not self._gives_way(self._addresses, connection):
                raise self._told(TooManyConnections())
        except TooManyConnections:
            self.leave(connection)
            raise
        self._look_around_soon()

    def count(self, connection: Connection, address: str | None) -> None:
        """Count a connection for this address from now on, or for none.

        Raises TooManyConnectionsOfOne.
        """
        self.leave(connection)
        self._addresses[connection] = None
        if address is None:
            return
        name = network(address)
        neighbours = self._of.get(name, set())
        if len(neighbours) >= self._most_of_one and not self._gives_way(neighbours, connection):
            raise self._told(TooManyConnectionsOfOne())
        self._of.setdefault(name, set()).add(connection)
        self._addresses[connection] = name

    def leave(self, connection: Connection) -> None:
        name = self._addresses.pop(connection, None)
        if name is None:
            return
        self._of[name].discard(connection)
        if not self._of[name]:
            del self._of[name]

    def replace(self, connection: Connection, heir: Connection) -> None:
        """Another protocol is spoken on a connection from now on."""
        name = self._addresses.get(connection)
        self.leave(connection)
        self._addresses[heir] = name
        if name is not None:
            self._of.setdefault(name, set()).add(heir)

    def _gives_way(self, among: Iterable[Connection], comer: Connection) -> bool:
        """Whether one of these, the one that has been idle for the longest, gave up its place."""
        idle = [
            (since, id(each), each)
            for each in among
            if each is not comer and (since := each.idle_since) is not None
        ]
        if not idle:
            return False
        longest = min(idle)[2]
        self.leave(longest)
        longest.drop()
        return True

    def _told(self, error: TooManyConnections) -> TooManyConnections:
        """The refusal, which the operator hears of now and then."""
        now = time.monotonic()
        if now - self._told_at >= TELL_EVERY:
            self._told_at = now
            log.warning("a connection is refused: %s", error.message)
        return error

    def _look_around_soon(self) -> None:
        if not self._looks:
            self._looks = True
            asyncio.get_running_loop().call_later(LOOK_EVERY, self._look_around)

    def _look_around(self) -> None:
        self._looks = False
        if not self._addresses:
            return
        self._look_around_soon()
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._addresses):
            connection.look(now)


class Unsent:
    """What a client has not taken yet of what was sent to it."""

    def __init__(self) -> None:
        self._octets, self._since = 0, 0.0

    def stalls(self, transport: asyncio.Transport, now: float) -> bool:
        """Whether the client has taken nothing for too long. It is asked now and then."""
        octets = transport.get_write_buffer_size()
        if not self._octets or octets < self._octets:
            self._since = now
        self._octets = octets
        return octets > 0 and now - self._since >= STALL_SECONDS


def within_descriptors(most: int) -> int:
    """So many connections, or as many as this process may have; its own limit is raised for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    needed = most + OTHER_DESCRIPTORS
    allowed = needed if hard == unlimited else min(needed, hard)
    if soft != unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning("only %d files may be open here: fewer connections are taken", hard)
    return max(allowed - OTHER_DESCRIPTORS, 1)
