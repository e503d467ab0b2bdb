"""Ten minutes of mixed load at 64 connections: does anything grow, does anything pause?

`make soak` (MINUTES=10) prints a line a minute: requests, the slowest, memory, descriptors, and the
longest that the server was away. One request in ten has a text of its own, as clients write that
put values into the text. It fails if memory grows after the first minutes, or if descriptors stay.
"""

import argparse
import asyncio
import contextlib
import http.client
import random
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import operations
import people
from contest import Entrant, Pace, load, write_requests
from operations import Operation
from postgres import started
from processes import Server, resident_megabytes, tree
from run import QUICK, Bench
from storing import build_postgres

from candor.settings import Settings
from models.database import POOL

_CONNECTIONS, _REVIEWS, _ORDERS, _REQUESTS = 64, 100_000, 5_000, 40_000
# In ten requests: pages, ratings, cards, what people look at, reviews, texts of their own.
_MIX = {"Q1": 4, "Q2": 1, "Q3": 1, "people": 2, "M1": 1, "own": 1}
# Seconds between two looks at the server, and from the end until the last look.
_LOOK, _QUIET = 0.02, 5.0
_GROWTH, _SETTLED = 1.1, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60, help="of each of these minutes")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="candor-bench-")))
        postgres = stack.enter_context(started(None))
        plan = replace(
            QUICK, sizes=(_REVIEWS,), writes=Pace(1, 1, 0), connections=(1,), writes_per_second=_ORDERS // 2
        )  # fmt: skip
        bench = Bench(plan, postgres, folder, Settings(secret=secrets.token_urlsafe(48)), stack)
        asyncio.run(_build(bench))
        server = stack.enter_context(bench.candor(_REVIEWS))
        requests = write_requests(folder / "mixed", _mixed(bench))
        grown = _soak(bench, server, Entrant(server, requests), options.minutes, options.seconds)
    sys.exit(grown)


async def _build(bench: Bench) -> None:
    await bench.postgres.create(f"run_{_REVIEWS}")
    await build_postgres(bench.url(_REVIEWS), bench.plan.main, bench.log)


def _mixed(bench: Bench) -> Iterator[bytes]:
    """Requests in a fixed order, of which each kind has its share."""
    size, source = bench.plan.main, random.Random(14)
    looks = people.looks(size, bench.settings)
    sent = {
        **{name: operations.reads(name, size) for name in ("Q1", "Q2", "Q3")},
        "people": [each for group in zip(*looks.values(), strict=True) for each in group],
        "M1": [operations.review(size, number, bench.settings) for number in range(_ORDERS - 2)],
    }
    kinds = [kind for kind, share in _MIX.items() for _ in range(share)]
    for number in range(_REQUESTS):
        kind = kinds[number % len(kinds)]
        if kind == "own":
            rating = sent["Q2"][number % len(sent["Q2"])]
            text = f"{operations.DOCUMENTS['Q2']} # {source.random()}"
            yield Operation(text, rating.variables).to_candor()
        else:
            yield sent[kind][number // len(kinds) % len(sent[kind])].to_candor()


def _soak(bench: Bench, server: Server, entrant: Entrant, minutes: int, seconds: float) -> int:
    """Print a line for each minute; 1 if something grew, else 0."""
    before = _State.of(server)
    print(f"before: {before}", flush=True)
    states: list[_State] = []
    for minute in range(1, minutes + 1):
        with _Watch(server.port) as watch:
            pace = Pace(1, seconds, 0)
            figures = load("Candor", entrant, _CONNECTIONS, pace, bench.postgres.pid)
        states.append(_State.of(server))
        print(_line(minute, figures, states[-1], watch), flush=True)
    time.sleep(_QUIET)
    after = _State.of(server)
    print(f"after: {after}", flush=True)
    settled = states[min(_SETTLED, minutes) - 1]
    grown = states[-1].megabytes > _GROWTH * settled.megabytes
    # The connections of the pool stay open for a while.
    kept = after.descriptors > before.descriptors + POOL["maxsize"]
    if grown or kept:
        print("Memory grew." if grown else "Descriptors stayed open.")
    return int(grown or kept)


def _line(minute: int, figures: dict[str, Any], state: "_State", watch: "_Watch") -> str:
    return (
        f"minute {minute}: {figures['per_second']:,.0f} requests/s, p50 {figures['p50_ms']:.0f} ms,"
        f" p99 {figures['p99_ms']:.0f} ms; {state}; away for {watch.longest * 1000:.0f} ms at most"
    )


@dataclass(frozen=True)
class _State:
    """What a server holds."""

    megabytes: float
    descriptors: int

    @classmethod
    def of(cls, server: Server) -> "_State":
        descriptors = sum(len([*Path(f"/proc/{pid}/fd").iterdir()]) for pid in tree(server.pid))
        return cls(resident_megabytes(server.pid), descriptors)

    def __str__(self) -> str:
        return f"{self.megabytes:.0f} MB, {self.descriptors} descriptors"


@dataclass
class _Watch:
    """Asks the server for nothing but that it is there, again and again, beside the load."""

    port: int
    longest: float = 0.0
    _end: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        while not self._end.wait(_LOOK):
            began = time.perf_counter()
            connection.request("GET", "/healthz")
            connection.getresponse().read()
            self.longest = max(self.longest, time.perf_counter() - began)
        connection.close()


if __name__ == "__main__":
    main()
