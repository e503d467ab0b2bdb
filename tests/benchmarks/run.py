"""The benchmark: Candor as it ships against an endpoint written by hand, on a real PostgreSQL.

`make bench` takes about ten minutes, `make bench QUICK=1` one or two. Nothing else should run.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import agreement
import operations
import people
import report
from contest import Entrant, Pace, contest, spread, write_requests
from mailing import mail
from marketplace import Size
from postgres import Postgres, started
from processes import APPLICATION, CORES, Server, on_cores, python_environment, running
from storing import build_postgres, build_sqlite, connect, wrong_counters

from candor.settings import Settings

_HERE = Path(__file__).parent
_SERVE = [
    "-c",
    "from candor.commands.main import main; main()",
    "serve",
    "--no-mail-worker",
    "--port",
    "{port}",
]
_IDS = "{ reviews(first: 100) { nodes { id } } }"
_PACKAGES = (
    *("strawberry-graphql", "graphql-core", "starlette", "uvicorn", "uvloop", "httptools"),
    *("tortoise-orm", "asyncpg", "orjson", "pyjwt"),
)


@dataclass(frozen=True)
class Plan:
    """How much to measure."""

    sizes: tuple[int, ...]
    embedded: int
    reads: Pace
    writes: Pace
    connections: tuple[int, ...] = (1, 16, 64)
    # Each run that writes gets enough orders for this many reviews a second.
    writes_per_second: int = 3000

    @property
    def slice(self) -> int:
        return int(self.writes_per_second * (self.writes.seconds + self.writes.warm_up))

    @property
    def main(self) -> Size:
        runs = len(self.connections) * self.writes.rounds
        return Size(self.sizes[-1], 2 * runs * self.slice + 2)


FULL = Plan((10_000, 100_000, 1_000_000), 100_000, Pace(5, 2, 0.3), Pace(5, 1, 0.2))
QUICK = Plan((2_000, 20_000), 20_000, Pace(2, 0.4, 0.1), Pace(2, 0.4, 0.1))


@dataclass
class Bench:
    """What the sections share: the plan, the servers and the log of progress."""

    plan: Plan
    postgres: Postgres
    folder: Path
    settings: Settings
    stack: contextlib.ExitStack
    pairs: dict[int, tuple[Server, Server]] = field(default_factory=dict)
    start: float = field(default_factory=time.monotonic)

    def log(self, text: str) -> None:
        print(f"[{time.monotonic() - self.start:4.0f} s] {text}", file=sys.stderr, flush=True)

    def url(self, reviews: int) -> str:
        return self.postgres.url(f"run_{reviews}")

    def size(self, reviews: int) -> Size:
        return self.plan.main if reviews == self.plan.main.reviews else Size(reviews)

    def candor(self, reviews: int, *options: str, pinned: bool = True) -> Any:
        environment = {
            "CANDOR_DATABASE_URL": self.url(reviews),
            "CANDOR_SECRET": self.settings.secret,
            "CANDOR_ENV": "production",
            # Budgets are counted as in production, but all requests come from one address.
            "CANDOR_BUDGET": "999999999",
            "CANDOR_MAIL_FROM": "Candor <no-reply@shop.example>",
        }
        cores = APPLICATION if pinned else CORES
        log = self.folder / "candor.log"
        return running("Candor", [*_SERVE, *options], environment, log, cores)

    def baseline(self, reviews: int) -> Any:
        dsn = self.url(reviews).replace("postgres://", "postgresql://", 1)
        command = [str(_HERE / "baseline.py"), "--port", "{port}", "--dsn", dsn]
        environment = {"CANDOR_SECRET": self.settings.secret}
        return running(
            "the baseline", command, environment, self.folder / "baseline.log", APPLICATION
        )

    def pair(self, reviews: int) -> tuple[Server, Server]:
        """Candor and the baseline on the marketplace of this size."""
        if reviews not in self.pairs:
            self.pairs[reviews] = (
                self.stack.enter_context(self.candor(reviews)),
                self.stack.enter_context(self.baseline(reviews)),
            )
        return self.pairs[reviews]

    def requests(self, name: str, sent: list[operations.Operation]) -> tuple[Path, Path]:
        """Files with the same operations as requests to Candor and to the baseline."""
        return (
            write_requests(self.folder / f"{name}-candor", (each.to_candor() for each in sent)),
            write_requests(self.folder / f"{name}-baseline", (each.to_baseline() for each in sent)),
        )

    def compare(
        self,
        title: str,
        entrants: dict[str, Entrant],
        against: dict[str, str],
        connections: int = 16,
        pace: Pace | None = None,
    ) -> dict[str, Any]:
        return contest(
            title,
            entrants,
            against,
            connections=connections,
            pace=pace or self.plan.reads,
            postgres=self.postgres.pid,
            log=self.log,
        )


def reads(bench: Bench) -> list[dict[str, Any]]:
    """Q1, Q2 and Q3 at each number of connections."""
    candor, baseline = bench.pair(bench.plan.main.reviews)
    results = []
    for operation in ("Q1", "Q2", "Q3"):
        ours, theirs = bench.requests(operation, operations.reads(operation, bench.plan.main))
        for connections in bench.plan.connections:
            entrants = {"baseline": Entrant(baseline, theirs), "Candor": Entrant(candor, ours)}
            results.append(bench.compare(operation, entrants, {"Candor": "baseline"}, connections))
    return results


def growth(bench: Bench) -> list[dict[str, Any]]:
    """Q1 on full pages of marketplaces of each size, compared with the smallest."""
    entrants, against = {}, {}
    smallest = f"{bench.plan.sizes[0]:,}"
    for reviews in bench.plan.sizes:
        services = operations.trace(bench.size(reviews), at_least=20)
        paths = bench.requests(f"size-{reviews}", [*map(operations.storefront, services)])
        for name, server, path in zip(
            ("Candor", "baseline"), bench.pair(reviews), paths, strict=True
        ):
            entrants[f"{name} {reviews:,}"] = Entrant(server, path)
            against[f"{name} {reviews:,}"] = f"{name} {smallest}"
    del against[f"Candor {smallest}"], against[f"baseline {smallest}"]
    return [bench.compare("Q1 by size", entrants, against)]


def far_pages(bench: Bench) -> list[dict[str, Any]]:
    """Q1 on page 1,000 of the hottest service, compared with its page 1."""
    hottest = bench.plan.main.special["hottest"]
    page, cursor = asyncio.run(_far_cursor(bench, hottest))
    near = bench.requests("near", [operations.storefront(hottest)])
    far = bench.requests("far", [operations.storefront(hottest, cursor)])
    candor, baseline = bench.pair(bench.plan.main.reviews)
    entrants = {
        "Candor page 1": Entrant(candor, near[0]),
        f"Candor page {page:,}": Entrant(candor, far[0]),
        "baseline page 1": Entrant(baseline, near[1]),
        f"baseline page {page:,}": Entrant(baseline, far[1]),
    }
    against = {f"{name} page {page:,}": f"{name} page 1" for name in ("Candor", "baseline")}
    return [bench.compare("Q1 by page", entrants, against)]


async def _far_cursor(bench: Bench, service: str) -> tuple[int, str]:
    """The number 1,000, or that of the last full page, and the cursor that the page starts after."""
    from baseline import cursor

    connection = await connect(bench.url(bench.plan.main.reviews))
    try:
        rows = await connection.fetch(
            "SELECT created_at, id FROM review WHERE status = 'APPROVED' AND deleted_at IS NULL"
            " AND service_id = (SELECT id FROM service WHERE external_id = $1)"
            " ORDER BY created_at DESC, id DESC LIMIT 10000",
            service,
        )
    finally:
        await connection.close()
    page = len(rows) // 10
    moment, key = rows[page * 10 - 11]
    return page, cursor(moment, key.hex)


def workers(bench: Bench) -> list[dict[str, Any]]:
    """Q1 with two worker processes, compared with one, on all cores."""
    main = bench.plan.main
    path, _ = bench.requests("workers", operations.reads("Q1", main))
    with (
        bench.candor(main.reviews, pinned=False) as one,
        bench.candor(main.reviews, "--workers", "2", pinned=False) as two,
    ):
        time.sleep(2)  # the second worker may still be starting
        entrants = {"1 worker": Entrant(one, path), "2 workers": Entrant(two, path)}
        result = bench.compare("Q1 unpinned", entrants, {"2 workers": "1 worker"})
    return [result | {"ceiling": _ceiling(result["entrants"]["1 worker"])}]


def _ceiling(one: dict[str, dict[str, float]]) -> float:
    """The factor over one worker's rate that these cores allow if all are always busy.

    The database and the load use the same cores.
    """
    cost = sum(one[figure]["median"] for figure in ("app_us", "postgres_us", "load_us"))
    return round(len(CORES) * 1e6 / cost / one["per_second"]["median"], 2)


def writes(bench: Bench) -> list[dict[str, Any]]:
    """M1, once per order, half of them by the baseline. Afterwards the counters must be right."""
    main, plan = bench.plan.main, bench.plan
    candor, baseline = bench.pair(main.reviews)
    bench.log(f"M1: signing {main.open_orders:,} tokens")
    reviews = [
        operations.review(main, number, bench.settings) for number in range(main.open_orders - 2)
    ]
    ours = write_requests(bench.folder / "m1-candor", (each.to_candor() for each in reviews[::2]))
    theirs = write_requests(
        bench.folder / "m1-baseline", (each.to_baseline() for each in reviews[1::2])
    )
    entrants = {
        "baseline": Entrant(baseline, theirs, plan.slice),
        "Candor": Entrant(candor, ours, plan.slice),
    }
    against = {"Candor": "baseline"}
    results = [
        bench.compare("M1", entrants, against, connections, plan.writes)
        for connections in plan.connections
    ]
    asyncio.run(_check_counters(bench))
    return results


async def _check_counters(bench: Bench) -> None:
    connection = await connect(bench.url(bench.plan.main.reviews))
    try:
        if wrong := await wrong_counters(connection):
            raise SystemExit(f"{wrong} counters differ from a recount after M1.")
    finally:
        await connection.close()
    bench.log("M1: every counter equals a recount")


def signed_in(bench: Bench) -> list[dict[str, Any]]:
    """What people who are signed in look at, and votes, compared with a page without a token."""
    main, plan = bench.plan.main, bench.plan
    candor, _ = bench.pair(main.reviews)
    page = bench.requests("page", operations.reads("Q1", main))[0]
    entrants = {"a page": Entrant(candor, page)}
    for number, (name, sent) in enumerate(people.looks(main, bench.settings).items()):
        for each in sent[:3]:
            _check_data(candor.send(each.to_candor()))
        requests = (each.to_candor() for each in sent)
        entrants[name] = Entrant(candor, write_requests(bench.folder / f"look-{number}", requests))
    shown = candor.send(operations.Operation(_IDS, {}).to_candor())
    reviews = [row["id"] for row in json.loads(shown)["data"]["reviews"]["nodes"]]
    votes = people.votes(bench.settings, reviews, plan.slice * plan.reads.rounds)
    requests = (each.to_candor() for each in votes)
    path = write_requests(bench.folder / "votes", requests)
    entrants["customer: vote"] = Entrant(candor, path, plan.slice)
    against = dict.fromkeys([*entrants][1:], "a page")
    return [bench.compare("signed in", entrants, against)]


def _check_data(answer: bytes) -> None:
    if not answer.startswith(b'{"data":{') or b'":null}' in answer[:60]:
        raise SystemExit(f"Somebody sees nothing: {answer[:500]!r}")


def embedded(bench: Bench) -> list[dict[str, Any]]:
    """Q1 and Q2 by the application on SQLite, in process, compared with raw sqlite3."""
    size = Size(bench.plan.embedded)
    path = bench.folder / "candor.sqlite3"
    bench.log(f"SQLite: {size.reviews:,} reviews")
    asyncio.run(build_sqlite(path, size))
    specification = {
        "path": str(path),
        "documents": operations.DOCUMENTS,
        # As they are visited, most of them the hottest ones, and ordinary ones by themselves.
        "services": {
            "": [*size.special.values(), *operations.trace(size)],
            ", ordinary services": operations.ordinary(size),
        },
        "rounds": bench.plan.reads.rounds,
        "seconds": bench.plan.reads.seconds,
    }
    with on_cores(APPLICATION):
        done = subprocess.run(
            [sys.executable, str(_HERE / "embedded.py")],
            input=json.dumps(specification),
            capture_output=True,
            text=True,
            check=False,
            cwd=bench.folder,
            env=python_environment(),
            timeout=300,
        )
    if done.returncode:
        raise SystemExit(f"SQLite: {done.stderr[-3000:]}")
    return [_in_process(name, times) for name, times in json.loads(done.stdout).items()]


def _in_process(operation: str, times: dict[str, list[float]]) -> dict[str, Any]:
    pairs = zip(times["Candor"], times["sqlite3"], strict=True)
    return {
        "title": f"{operation} SQLite",
        "connections": 0,
        "entrants": {
            name: {"p50_ms": spread([us / 1000 for us in medians])}
            for name, medians in times.items()
        },
        "ratios": {"Candor": {"p50_ms": spread([a / b for a, b in pairs]), "against": "sqlite3"}},
    }


Section = Callable[[Bench], list[dict[str, Any]]]

# A section returns results like `contest`; figures and ratios that it lacks stay empty.
SECTIONS: tuple[Section, ...] = (
    reads,
    growth,
    far_pages,
    workers,
    writes,
    signed_in,
    embedded,
    mail,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small data, short rounds")
    parser.add_argument("--keep", type=Path, help="keep the databases here for the next run")
    parser.add_argument("--only", nargs="*", help="sections to run", default=[])
    parser.add_argument("--output", type=Path, default=Path("bench.json"))
    options = parser.parse_args()
    # End as after Ctrl-C, so that the servers are stopped, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [each for each in SECTIONS if not options.only or each.__name__ in options.only]
    with _bench(QUICK if options.quick else FULL, options.keep) as bench:
        machine = asyncio.run(_machine(bench))
        asyncio.run(_prepare(bench))
        results = {section.__name__: section(bench) for section in chosen}
        output = {
            "machine": machine,
            "seconds": round(time.monotonic() - bench.start),
            "sections": results,
        }
    options.output.write_text(json.dumps(output, indent=1) + "\n")
    print(report.table(results))
    for result in results.get("workers", []):
        print(f"\nWorkers: these cores allow {result['ceiling']} times one worker's requests.")
    print(f"\n{json.dumps(machine)}")
    print(f"Written to {options.output}. Ratios: the median of the rounds (lowest..highest).")


@contextlib.contextmanager
def _bench(plan: Plan, keep: Path | None) -> Iterator[Bench]:
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="candor-bench-")))
        postgres = stack.enter_context(started(keep and keep.resolve()))
        settings = Settings(secret=secrets.token_urlsafe(48))
        yield Bench(plan, postgres, folder, settings, stack)


async def _prepare(bench: Bench) -> None:
    """Create the databases of all sizes, each a copy of one that later runs can reuse."""
    for reviews in bench.plan.sizes:
        size = bench.size(reviews)
        finished = f"marketplace_{size.reviews}_{size.open_orders}"
        if not await bench.postgres.has(finished):
            building = f"building_{size.reviews}"
            await bench.postgres.create(building)
            await build_postgres(
                bench.postgres.url(building),
                size,
                lambda part, size=size: bench.log(f"{size.reviews:,} reviews: {part}"),
            )
            await bench.postgres.rename(building, finished)
        await bench.postgres.create(f"run_{reviews}", template=finished)
        await _check_agreement(bench, size)


async def _check_agreement(bench: Bench, size: Size) -> None:
    candor, baseline = bench.pair(size.reviews)
    checked = agreement.check_reads(candor, baseline, size)
    if size.open_orders:
        connection = await connect(bench.url(size.reviews))
        try:
            await agreement.check_writes(candor, baseline, size, bench.settings, connection)
        finally:
            await connection.close()
        checked += 1
    bench.log(f"{size.reviews:,} reviews: {checked} responses are equal byte for byte")


async def _machine(bench: Bench) -> dict[str, Any]:
    return {
        "cores": len(CORES),
        "load_before": os.getloadavg()[0],
        "fsync_ms": _fsync_milliseconds(bench.folder),
        "application_cores": sorted(APPLICATION),
        "python": platform.python_version(),
        "postgresql": await bench.postgres.version(),
        "reviews": bench.plan.main.reviews,
        "rounds": bench.plan.reads.rounds,
        "seconds_a_round": bench.plan.reads.seconds,
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _fsync_milliseconds(folder: Path) -> float:
    """The shortest time that a commit waits for this machine's disk."""
    times = []
    with (folder / "fsync").open("wb", buffering=0) as file:
        for _ in range(100):
            start = time.perf_counter()
            file.write(bytes(8192))
            os.fsync(file.fileno())
            times.append(time.perf_counter() - start)
    return round(statistics.median(times) * 1000, 3)


if __name__ == "__main__":
    main()
