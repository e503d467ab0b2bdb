"""What 200 live subscribers cost a createReview: its rate with and without them, interleaved.

`PYTHONPATH=. python tests/benchmarks/live.py`, two minutes. The subscribers run in a process of
their own, beside the database and the load; the server has a core of its own.
"""

import argparse
import asyncio
import contextlib
import json
import random
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import operations
from contest import Entrant, Pace, load, spread, write_requests
from postgres import started
from processes import OTHERS, ending, on_cores
from run import QUICK, Bench
from storing import build_postgres

from candor.settings import Settings

_READERS = Path(__file__).with_name("live_readers.py")
_CONNECTIONS = 16
_PER_SECOND = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subscribers", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    pace = Pace(options.rounds, options.seconds, 1)
    kinds = {"nobody": 0, "sse": options.subscribers, "websocket": options.subscribers}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="candor-bench-")))
        postgres = stack.enter_context(started(None))
        plan = replace(QUICK, sizes=(20_000,), writes=pace, connections=(_CONNECTIONS,) * 2)
        plan = replace(plan, writes_per_second=_PER_SECOND)
        bench = Bench(plan, postgres, folder, Settings(secret=secrets.token_urlsafe(48)), stack)
        asyncio.run(_build(bench))
        server = stack.enter_context(bench.candor(plan.main.reviews))
        reviews = (
            operations.review(plan.main, number, bench.settings).to_candor()
            for number in range(plan.main.open_orders - 2)
        )
        entrant = Entrant(server, write_requests(folder / "m1", reviews), plan.slice)
        rounds = [_round(bench, entrant, kinds, pace) for _ in range(pace.rounds)]
    for kind in kinds:
        _report(kind, rounds)


async def _build(bench: Bench) -> None:
    size = bench.plan.main
    await bench.postgres.create(f"run_{size.reviews}")
    await build_postgres(bench.url(size.reviews), size, bench.log)


def _round(
    bench: Bench, entrant: Entrant, kinds: dict[str, int], pace: Pace
) -> dict[str, dict[str, Any]]:
    figures = {}
    for kind in random.sample(list(kinds), len(kinds)):
        with _subscribers(entrant.server.port, kind, kinds[kind]) as readers:
            measured = load(kind, entrant, _CONNECTIONS, pace, bench.postgres.pid)
            told = _told(readers)
        figures[kind] = measured | told
        bench.log(f"{kind}: {measured['per_second']:,.0f}/s, {measured['app_us']:,.0f} µs, {told}")
    return figures


@contextlib.contextmanager
def _subscribers(port: int, kind: str, count: int) -> Iterator[subprocess.Popen[bytes] | None]:
    """A process with the subscribers, which listen by now; None without any."""
    if not count:
        yield None
        return
    with on_cores(OTHERS):
        process = subprocess.Popen(
            [sys.executable, str(_READERS), str(port), kind, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    with ending(process):
        if process.stdout.readline() != b"listening\n":
            raise SystemExit("The subscribers did not listen.")
        yield process


def _told(process: subprocess.Popen[bytes] | None) -> dict[str, int]:
    if process is None:
        return {}
    time.sleep(3)
    told = json.loads(process.communicate(b"", timeout=60)[0])
    if told["closed"] or told["fewest"] != told["most"]:
        print(f"Subscribers were closed, or told less than others: {told}", file=sys.stderr)
    return told


def _report(kind: str, rounds: list[dict[str, dict[str, Any]]]) -> None:
    rate = spread([each[kind]["per_second"] for each in rounds])
    print(f"{kind:>9}: {rate['median']:,.0f} creates/s", end="")
    for name, figure in (("rate", "per_second"), ("server's CPU", "app_us")):
        ratio = spread([each[kind][figure] / each["nobody"][figure] for each in rounds])
        print(
            f"; {name} {ratio['median']:.2f} ({ratio['min']:.2f}..{ratio['max']:.2f}) of that"
            " with nobody",
            end="",
        )
    print()


if __name__ == "__main__":
    main()
