"""The load: a number of connections that each send the next request after a response.

One process with epoll and prepared requests, so that it costs far less than what it measures.
Reads a specification as JSON from standard input, prints its figures as JSON.
"""

import json
import pickle
import select
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from processes import cpu_seconds

_POLL_TIMEOUT = 30.0
_MAX_WARM_UP = 5.0


def main() -> None:
    specification = json.load(sys.stdin)
    requests = pickle.loads(Path(specification["requests"]).read_bytes())
    first = specification["first"]
    sequence = islice(requests, first, first + specification["count"])
    if not specification["once"]:
        sequence = cycle([*sequence, *requests[:first]])
    load = Load(specification, sequence)
    load.run()
    print(json.dumps(load.figures()))


@dataclass
class Connection:
    """One client: the response so far, and when its request was sent."""

    socket: socket.socket
    received: bytes = b""
    since: float = 0.0


@dataclass
class Load:
    """Sends requests for a while and measures the responses after a warm-up."""

    specification: dict[str, Any]
    requests: Iterator[bytes]
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    costs: dict[str, float] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    waiting: int = 0

    def run(self) -> None:
        poll = select.epoll()
        connections: dict[int, Connection] = {}
        for _ in range(self.specification["connections"]):
            connection = Connection(
                socket.create_connection(("127.0.0.1", self.specification["port"]))
            )
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connections[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
            self._send(connection)
        self._warm_up(poll, connections)
        before = self._cpu()
        self.latencies.clear()
        self.began = time.perf_counter()
        self._exchange(poll, connections, until=self.began + self.specification["seconds"])
        self.ended = time.perf_counter()
        self.costs = {name: value - before[name] for name, value in self._cpu().items()}
        counted = len(self.latencies)
        self._drain(poll, connections)
        del self.latencies[counted:]

    def figures(self) -> dict[str, Any]:
        count = len(self.latencies)
        ordered = sorted(self.latencies) or [0.0]
        seconds = self.ended - self.began
        return {
            "requests": count,
            "errors": len(self.errors),
            "first_error": self.errors[0] if self.errors else None,
            "per_second": count / seconds,
            "p50_ms": ordered[len(ordered) // 2] * 1000,
            "p99_ms": ordered[len(ordered) * 99 // 100] * 1000,
            **{f"{name}_us": cost / max(count, 1) * 1e6 for name, cost in self.costs.items()},
        }

    def _warm_up(self, poll: select.epoll, connections: dict[int, Connection]) -> None:
        """Run for a while, and until the first requests, all sent at once, have responses."""
        start = time.perf_counter()
        self._exchange(poll, connections, until=start + self.specification["warm_up"])
        latest = start + _MAX_WARM_UP
        while len(self.latencies) < 2 * len(connections) and time.perf_counter() < latest:
            self._exchange(poll, connections, until=time.perf_counter() + 0.05)

    def _exchange(
        self, poll: select.epoll, connections: dict[int, Connection], *, until: float
    ) -> None:
        while time.perf_counter() < until and self.waiting:
            for number, _ in poll.poll(_POLL_TIMEOUT):
                connection = connections[number]
                if self._receive(connection):
                    self._send(connection)

    def _drain(self, poll: select.epoll, connections: dict[int, Connection]) -> None:
        while self.waiting:
            for number, _ in poll.poll(_POLL_TIMEOUT):
                self._receive(connections[number])

    def _send(self, connection: Connection) -> None:
        request = next(self.requests, None)
        if request is not None:
            connection.since = time.perf_counter()
            self.waiting += 1
            connection.socket.sendall(request)

    def _receive(self, connection: Connection) -> bool:
        """Receive a part; whether the response is complete now."""
        part = connection.socket.recv(262_144)
        if not part:
            raise SystemExit("The server closed a connection.")
        received = connection.received + part
        connection.received = received
        head = received.find(b"\r\n\r\n")
        if head < 0 or len(received) < head + 4 + _length(received[:head]):
            return False
        self.latencies.append(time.perf_counter() - connection.since)
        if not received.startswith(b"HTTP/1.1 200") or not self._is_right(received[head + 4 :]):
            self.errors.append(received[:600].decode(errors="replace"))
        connection.received = b""
        self.waiting -= 1
        return True

    def _is_right(self, body: bytes) -> bool:
        return body.startswith(b'{"data":{') and (
            not self.specification["once"] or b'"errors":[]}}' in body
        )

    def _cpu(self) -> dict[str, float]:
        watched = {name: cpu_seconds(pid) for name, pid in self.specification["watch"].items()}
        return watched | {"load": time.process_time()}


def _length(head: bytes) -> int:
    start = head.lower().find(b"content-length:")
    if start < 0:
        raise SystemExit("A response has no Content-Length.")
    return int(head[start + 15 :].partition(b"\r\n")[0])


if __name__ == "__main__":
    main()
