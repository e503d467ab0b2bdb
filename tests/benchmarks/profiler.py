"""Profile one operation, repeated in process, on a real PostgreSQL.

`python tests/benchmarks/profiler.py Q1` prints the time of one execution, and then, by cProfile,
the share of each package and the most expensive functions. cProfile makes calls slower than they
are, and counts a coroutine as called each time it resumes: compare its lines only with each other,
and the first lines with other runs.
"""

import argparse
import asyncio
import cProfile
import pstats
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import operations
import orjson
import uvloop
from embedded import post
from graphql import parse, validate
from marketplace import Size
from postgres import Postgres, started
from processes import APPLICATION, on_cores
from storing import build_postgres

from candor.app import create_app
from candor.settings import Settings
from schema.api import schema

_REVIEWS = 20_000
_WARM_UP = 50
_SITE = sysconfig.get_path("purelib")
_ROOT = str(Path(__file__).parents[2])

Stats = dict[tuple[str, int, str], tuple[int, int, float, float, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("operation", choices=[*operations.DOCUMENTS])
    parser.add_argument("--executions", type=int, default=300)
    parser.add_argument("--lines", type=int, default=45)
    parser.add_argument("--sort", choices=["own", "total"], default="own")
    parser.add_argument("--keep", type=Path, help="keep the database here for the next run")
    parser.add_argument("--output", type=Path, help="write the profile here, for pstats")
    options = parser.parse_args()
    with (
        started(options.keep and options.keep.resolve()) as postgres,
        on_cores(APPLICATION),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        profile, wall, cpu = runner.run(_measure(postgres, options.operation, options.executions))
    print(f"{options.operation}: {wall:,.0f} µs, of which {cpu:,.0f} µs CPU in Candor, unprofiled")
    parsing, validation = _document_costs(operations.DOCUMENTS[options.operation])
    print(f"parsing the document takes {parsing:,.0f} µs, validating it {validation:,.0f} µs\n")
    if options.output:
        profile.dump_stats(options.output)
    _show(pstats.Stats(profile).stats, options.executions, options.lines, options.sort)


def _document_costs(text: str) -> tuple[float, float]:
    """Microseconds of CPU that graphql-core needs to parse and to validate a document."""
    document = parse(text)
    return (
        _cpu_microseconds(lambda: parse(text)),
        _cpu_microseconds(lambda: validate(schema._schema, document)),
    )


def _cpu_microseconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    for _ in range(_WARM_UP):
        work()
    return (time.process_time() - start) / _WARM_UP * 1e6


async def _measure(
    postgres: Postgres, operation: str, executions: int
) -> tuple[cProfile.Profile, float, float]:
    size = Size(_REVIEWS, 2 * executions + _WARM_UP + 2)
    await _prepare(postgres, size)
    settings = Settings(database_url=postgres.url("profile"), secret="of the profile " * 3)
    requests = _requests(operation, size, settings)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        await _send(app, requests, _WARM_UP)
        wall, cpu = time.perf_counter(), time.process_time()
        await _send(app, requests, executions)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        profile = cProfile.Profile()
        profile.enable()
        await _send(app, requests, executions)
        profile.disable()
    return profile, wall / executions * 1e6, cpu / executions * 1e6


async def _prepare(postgres: Postgres, size: Size) -> None:
    finished = f"marketplace_{size.reviews}_{size.open_orders}"
    if not await postgres.has(finished):
        await postgres.create("building")
        await build_postgres(postgres.url("building"), size, lambda _: None)
        await postgres.rename("building", finished)
    await postgres.create("profile", template=finished)


def _requests(operation: str, size: Size, settings: Settings) -> Iterator[tuple[bytes, str | None]]:
    if operation == "M1":
        numbers = range(size.open_orders - 2)
        repeated = (operations.review(size, number, settings) for number in numbers)
    else:
        repeated = cycle(operations.reads(operation, size))
    document = operations.DOCUMENTS[operation]
    for each in repeated:
        body = {"query": document, "variables": each.variables}
        yield orjson.dumps(body), each.token


async def _send(app: Any, requests: Iterator[tuple[bytes, str | None]], count: int) -> None:
    for _, (body, token) in zip(range(count), requests, strict=False):
        response = await post(app, body, token)
        if not response.startswith(b'{"data":{'):
            raise SystemExit(response.decode())


def _show(stats: Stats, executions: int, lines: int, sort: str) -> None:
    packages: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in stats.items():
        packages[_package(file, name)] += own
    whole = sum(packages.values())
    print("profiled, own time by package, µs per execution")
    for package, seconds in packages.most_common(16):
        print(f"{seconds / executions * 1e6:10,.1f}  {seconds / whole:4.0%}  {package}")
    column = 2 if sort == "own" else 3
    print("\n   calls     own µs   total µs  function, per execution")
    ranked = sorted(stats.items(), key=lambda item: -item[1][column])
    for (file, line, name), (_, calls, own, total, _) in ranked[:lines]:
        location = f"{_short(file)}:{line}({name})" if line else name
        print(
            f"{calls / executions:8,.1f} {own / executions * 1e6:10,.1f}"
            f" {total / executions * 1e6:10,.1f}  {location}"
        )


def _package(file: str, name: str) -> str:
    short = _short(file)
    if file == "~":
        return "waiting" if "poll" in name else "built-in functions"
    return short.partition("/")[0] if not file.startswith(_ROOT) else f"candor: {short}"


def _short(file: str) -> str:
    for start in (_SITE, _ROOT, sysconfig.get_path("stdlib")):
        if file.startswith(start):
            return file.removeprefix(start).lstrip("/")
    return file


if __name__ == "__main__":
    main()
