"""Compare servers under load: interleaved rounds, ratios within each round, medians."""

import json
import pickle
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import OTHERS, Server, on_cores, resident_megabytes

Figures = dict[str, float]
_LOAD = Path(__file__).with_name("load.py")
# The figures reported of each entrant, and those of which a ratio makes sense.
FIGURES = ("per_second", "p50_ms", "p99_ms", "app_us", "postgres_us", "load_us", "resident_mb")
RATIOS = ("per_second", "p50_ms", "p99_ms", "app_us", "postgres_us")


@dataclass
class Entrant:
    """A server and the requests it gets. With `slice`, each request is sent once, in slices."""

    server: Server
    requests: Path
    slice: int | None = None
    used: int = 0

    def share(self) -> dict[str, Any]:
        """The next requests: a trace from a random start, or the next slice of single ones."""
        if self.slice is None:
            start = random.randrange(1000)
            return {"first": start, "count": 10**9, "once": False}
        self.used += self.slice
        return {"first": self.used - self.slice, "count": self.slice, "once": True}


@dataclass(frozen=True)
class Pace:
    """How often and how long to measure."""

    rounds: int
    seconds: float
    warm_up: float


def write_requests(path: Path, requests: Iterable[bytes]) -> Path:
    path.write_bytes(pickle.dumps(list(requests)))
    return path


def contest(
    title: str,
    entrants: Mapping[str, Entrant],
    against: Mapping[str, str],
    *,
    connections: int,
    pace: Pace,
    postgres: int,
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Let the entrants take turns. `against` gives, for an entrant, the one to compare it with."""
    rounds: list[dict[str, Figures]] = []
    for number in range(pace.rounds):
        figures = {
            name: load(name, entrants[name], connections, pace, postgres)
            for name in random.sample(list(entrants), len(entrants))
        }
        rounds.append(figures)
        rates = ", ".join(f"{name} {figures[name]['per_second']:,.0f}/s" for name in entrants)
        log(f"{title}, {connections} connections, round {number + 1}/{pace.rounds}: {rates}")
    return {
        "title": title,
        "connections": connections,
        "entrants": {
            name: {figure: spread([each[name][figure] for each in rounds]) for figure in FIGURES}
            for name in entrants
        },
        "ratios": {
            name: {
                figure: spread([each[name][figure] / (each[other][figure] or 1) for each in rounds])
                for figure in RATIOS
            }
            | {"against": other}
            for name, other in against.items()
        },
    }


def spread(values: list[float]) -> Figures:
    """The median, the lowest and the highest value."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def load(name: str, entrant: Entrant, connections: int, pace: Pace, postgres: int) -> Figures:
    specification = {
        "port": entrant.server.port,
        "requests": str(entrant.requests),
        "connections": connections,
        "seconds": pace.seconds,
        "warm_up": pace.warm_up,
        "watch": {"app": entrant.server.pid, "postgres": postgres},
        **entrant.share(),
    }
    with on_cores(OTHERS):
        done = subprocess.run(
            [sys.executable, str(_LOAD)],
            input=json.dumps(specification),
            capture_output=True,
            text=True,
            check=False,
            timeout=pace.seconds + pace.warm_up + 120,
        )
    if done.returncode:
        raise SystemExit(f"{name}: the load failed.\n{done.stderr[-2000:]}")
    figures = json.loads(done.stdout)
    if figures["errors"] or not figures["requests"]:
        raise SystemExit(f"{name}: {figures['errors']} errors.\n{figures['first_error']}")
    return figures | {"resident_mb": resident_megabytes(entrant.server.pid)}
