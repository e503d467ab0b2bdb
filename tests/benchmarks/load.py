"""The load: as many connections as asked for, each sending its next request when it was answered.

One process with epoll and ready-made requests, so that it stays far cheaper than what it measures.
Reads a specification as JSON from its input, prints what it measured as JSON.
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

_SILENCE = 30.0
_PATIENCE = 5.0


def main() -> None:
    given = json.load(sys.stdin)
    requests = pickle.loads(Path(given["requests"]).read_bytes())
    order = islice(requests, given["first"], given["first"] + given["count"])
    if not given["once"]:
        order = cycle([*order, *requests[: given["first"]]])
    load = Load(given, order)
    load.run()
    print(json.dumps(load.measured()))


@dataclass
class Connection:
    """One client: what it waits for, and since when."""

    socket: socket.socket
    received: bytes = b""
    since: float = 0.0


@dataclass
class Load:
    """Sends requests for a while and measures the answers after a warm-up."""

    given: dict[str, Any]
    requests: Iterator[bytes]
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    costs: dict[str, float] = field(default_factory=dict)
    began: float = 0.0
    ended: float = 0.0
    waiting: int = 0

    def run(self) -> None:
        poll = select.epoll()
        open_ones: dict[int, Connection] = {}
        for _ in range(self.given["connections"]):
            connection = Connection(socket.create_connection(("127.0.0.1", self.given["port"])))
            connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            open_ones[connection.socket.fileno()] = connection
            poll.register(connection.socket, select.EPOLLIN)
            self._send(connection)
        self._warm_up(poll, open_ones)
        before = self._cpu()
        self.latencies.clear()
        self.began = time.perf_counter()
        self._answer(poll, open_ones, until=self.began + self.given["seconds"])
        self.ended = time.perf_counter()
        self.costs = {name: value - before[name] for name, value in self._cpu().items()}
        counted = len(self.latencies)
        self._drain(poll, open_ones)
        del self.latencies[counted:]

    def measured(self) -> dict[str, Any]:
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

    def _warm_up(self, poll: select.epoll, open_ones: dict[int, Connection]) -> None:
        """For a while, and until the first requests, which came all at once, were answered."""
        start = time.perf_counter()
        self._answer(poll, open_ones, until=start + self.given["warm_up"])
        while len(self.latencies) < 2 * len(open_ones) and time.perf_counter() < start + _PATIENCE:
            self._answer(poll, open_ones, until=time.perf_counter() + 0.05)

    def _answer(
        self, poll: select.epoll, open_ones: dict[int, Connection], *, until: float
    ) -> None:
        while time.perf_counter() < until and self.waiting:
            for number, _ in poll.poll(_SILENCE):
                connection = open_ones[number]
                if self._receive(connection):
                    self._send(connection)

    def _drain(self, poll: select.epoll, open_ones: dict[int, Connection]) -> None:
        while self.waiting:
            for number, _ in poll.poll(_SILENCE):
                self._receive(open_ones[number])

    def _send(self, connection: Connection) -> None:
        request = next(self.requests, None)
        if request is not None:
            connection.since = time.perf_counter()
            self.waiting += 1
            connection.socket.sendall(request)

    def _receive(self, connection: Connection) -> bool:
        """Whether the answer is complete now."""
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
            not self.given["once"] or b'"errors":[]}}' in body
        )

    def _cpu(self) -> dict[str, float]:
        watched = {name: cpu_seconds(pid) for name, pid in self.given["watch"].items()}
        return watched | {"load": time.process_time()}


def _length(head: bytes) -> int:
    place = head.lower().find(b"content-length:")
    if place < 0:
        raise SystemExit("An answer came without its length.")
    return int(head[place + 15 :].partition(b"\r\n")[0])


if __name__ == "__main__":
    main()
