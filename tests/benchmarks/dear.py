"""A shopper's page beside sixteen connections of the dearest operations that need no token.

`PYTHONPATH=. python tests/benchmarks/dear.py` prints, for both databases and each operation, how
long the page takes beside the sixteen, which share one address and its budget, and how long alone.
It takes about five minutes, most of them to build and to index.
"""

import argparse
import asyncio
import contextlib
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from contest import spread
from marketplace import Size
from postgres import started
from processes import APPLICATION, OTHERS, Server, on_cores, running
from shopper import PROCESSES, Connection, Crowd, Shopper, body, http, middle, response, worst
from storing import build_postgres, build_sqlite

from models import text_indexing
from models.database import opened

CONNECTIONS = 16
# Seconds to measure, at most: most operations have spent the address's points before that.
BESIDE, ALONE = 6.0, 2.0
_SERVE = [
    *("-c", "from candor.commands.main import main; main()"),
    *("serve", "--no-mail-worker", "--port", "{port}"),
]
_SITE = "query($first: Int = 1) { reviews(first: $first, %s) { nodes { body } %s } }"
_HOT = (
    '{ service(ref: {externalId: "SERVICE-00000"}) { reviews(%s) { totalCount nodes { body } } } }'
)
DEAR = {
    "a search for nobody's word": _SITE % ('filter: {search: "xylophone"}', ""),
    "a search for everybody's word": _SITE % ('filter: {search: "good"}', "totalCount"),
    "a search by votes": _SITE % ('filter: {search: "design"}, orderBy: MOST_HELPFUL', ""),
    "two letters": _SITE % ('filter: {search: "qz"}', "totalCount"),
    "a total of a filter": _SITE % ('filter: {createdAfter: "2020-01-01T00:00:00Z"}', "totalCount"),
    "a page far back": _HOT % "first: 1, page: 1000",
    "replies of a service": _HOT % "first: 1, filter: {hasReply: true}",
    "the ranking with reviews": (
        "{ services(first: 40, orderBy: RANKING)"
        " { nodes { title ratingSummary { average } reviews(first: 5) { nodes { body } } } } }"
    ),
    "many small pages": (
        "{"
        + " ".join(f"a{n}: reviews(first: 1, page: {n + 1}) {{ nodes {{ body }} }}" for n in range(30))
        + "}"
    ),
    "a large answer": "{ reviews(first: 100) { nodes { body service { title } author { displayName } } } }",
    "introspection": "{ __schema { types { name fields { name description type { name } } } } }",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reviews", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = Size(options.reviews)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="candor-bench-")))
        postgres = stack.enter_context(started(None))
        asyncio.run(postgres.create("dear"))
        urls = {
            "SQLite": f"sqlite://{folder / 'candor.sqlite3'}",
            "PostgreSQL": postgres.url("dear"),
        }
        for name, url in urls.items():
            _build_in_a_process(url, size)
            with _candor(url, folder) as server, on_cores(OTHERS):
                _measure(name, server.port, options.rounds)


def _build_in_a_process(url: str, size: Size) -> None:
    """Tortoise keeps statements of the first database that a process opens."""
    process = PROCESSES.Process(target=lambda: asyncio.run(_build(url, size)))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{url} was not built.")


async def _build(url: str, size: Size) -> None:
    """A marketplace whose texts are indexed, as a worker would."""
    if url.startswith("sqlite"):
        await build_sqlite(Path(url.removeprefix("sqlite://")), size)
    else:
        await build_postgres(url, size, lambda _: None)
    async with opened(url):
        await text_indexing.mark_missing()
        while await text_indexing.index_waiting():
            pass


def _candor(url: str, folder: Path) -> AbstractContextManager[Server]:
    environment = {
        "CANDOR_ENV": "production",
        "CANDOR_DATABASE_URL": url,
        "CANDOR_SECRET": "x" * 40,
        "CANDOR_MAIL_FROM": "Candor <no-reply@shop.example>",
    }
    return running("Candor", _SERVE, environment, folder / "log", APPLICATION)


def _measure(database: str, port: int, rounds: int) -> None:
    print(f"{database}: milliseconds, the median (and the 95th percentile) of pages", flush=True)
    kinds = {name: [http(body(query))] for name, query in DEAR.items()}
    kinds["all of these"] = [request for requests in kinds.values() for request in requests]
    ratios = []
    for number, (kind, requests) in enumerate(kinds.items()):
        results = [_beside(port, requests, number * rounds + each) for each in range(rounds)]
        ratio = spread([beside / alone for alone, beside, _, _ in results])
        ratios.append(ratio["median"])
        alone, beside, tail, limited = (
            statistics.median(figures) for figures in zip(*results, strict=True)
        )
        print(
            f"{kind}: alone {alone:.1f}; beside {beside:.1f} ({tail:.1f}), {ratio['median']:.1f}"
            f" ({ratio['min']:.1f}..{ratio['max']:.1f}) of alone; measured {limited:.1f} s",
            flush=True,
        )
    print(f"{database}: at most {max(ratios):.1f} of alone\n", flush=True)


def _beside(port: int, requests: list[bytes], number: int) -> tuple[float, float, float, float]:
    """The page alone, beside the crowd until its points are spent, its tail, and for how long."""
    crowd = Crowd(port, f"127.0.{100 + number // 250}.{number % 250 + 1}", _connections(requests))
    shopper = Shopper(port, number)
    alone = middle(shopper.times(ALONE))
    crowd.start()
    began = time.monotonic()
    pages = shopper.times(BESIDE, crowd.limited.is_set)
    seconds = time.monotonic() - began
    crowd.end()
    return alone, middle(pages) or alone, worst(pages), seconds


def _connections(requests: list[bytes]) -> list[Connection]:
    endless = itertools.cycle(requests)
    return [lambda crowd: _ask(crowd, endless)] * CONNECTIONS


async def _ask(crowd: Crowd, requests: Iterator[bytes]) -> None:
    local = (crowd.address, 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", crowd.port, local_addr=local)
    while not crowd.enough.is_set() and not crowd.limited.is_set():
        writer.write(next(requests))
        status, content = await response(reader)
        if b"RATE_LIMITED" in content:
            crowd.limited.set()
        elif status != 200 or not (content.startswith(b'{"data"') or b"TIMEOUT" in content):
            raise SystemExit(f"Refused: {content[:300]!r}")
    writer.close()


if __name__ == "__main__":
    main()
