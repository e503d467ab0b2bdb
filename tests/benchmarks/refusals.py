"""A shopper's page beside sixteen connections whose every request is refused.

`python tests/benchmarks/refusals.py [KIND …]` prints, for each kind of refusal, how long the page
takes alone, until the sixteen get RATE_LIMITED, and from then on. It takes a minute or two.
"""

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from marketplace import Size
from processes import APPLICATION, OTHERS, on_cores, running
from shopper import Connection, Crowd, Shopper, body, http, middle, response, worst
from storing import build_sqlite
from websockets.asyncio.client import connect

CONNECTIONS, REVIEWS = 16, 2_000
# Seconds to measure before RATE_LIMITED, at most, and after it.
BEFORE, AFTER = 6.0, 3.0
Bodies = Callable[[int], bytes]


def _fields(number: int) -> str:
    return (
        "{" + " ".join(f"a{number}_{each}" if not each else f"a{each}" for each in range(490)) + "}"
    )


_DEEP = "{ a" + "{ a" * 150 + "}" * 151
_PAGE = "query($n: Int!) { reviews(first: $n) { nodes { id } } }"
KINDS: dict[str, Bodies] = {
    "unknown fields, each time others": lambda n: body(_fields(n)),
    "unknown fields, always the same": lambda _: body(_fields(0)),
    "one unknown field, each time another": lambda n: body(f"{{ nope{n} }}"),
    "syntax": lambda n: body(_fields(n)[:-1]),
    "fields that merge": lambda n: body(f"query N{n} {{" + " viewer { role }" * 245 + "}"),
    "too deep": lambda n: body(f"query N{n} {_DEEP}"),
    "too many tokens": lambda n: body(f"query N{n} {{" + " a" * 2_500 + "}"),
    "a long comment": lambda n: body(f"{{ nope{n} }} #" + "x" * 150_000),
    "no such operation": lambda _: body("{ __typename }", operationName="X"),
    "too expensive": lambda _: body(_PAGE, variables={"n": 5_000}),
    "wrong variables": lambda _: body(_PAGE, variables={"n": "x"}),
    "no JSON": lambda _: b"{",
    "much JSON": lambda _: b'{"query": "{ a }", "variables": {"a": [' + b"[]," * 60_000 + b"0]}}",
    "too large": lambda _: b" " * 200_001,
}
STREAMED = {"server-sent events": "text/event-stream", "WebSocket": ""}


def main() -> None:
    kinds = sys.argv[1:] or [*KINDS, *STREAMED]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candor.sqlite3"
        size = Size(REVIEWS)
        asyncio.run(build_sqlite(path, size))
        environment = {
            "CANDOR_ENV": "production",
            "CANDOR_DATABASE_URL": f"sqlite://{path}",
            "CANDOR_SECRET": "x" * 40,
        }
        command = [
            "-c",
            "from candor.commands.main import main; main()",
            "serve",
            "--port",
            "{port}",
        ]
        log = Path(folder) / "log"
        with running("candor", command, environment, log, APPLICATION) as server:
            print("milliseconds: the median (and the 95th percentile) of pages", flush=True)
            for number, kind in enumerate(kinds):
                with on_cores(OTHERS):
                    _measure(server.port, kind, number)


def _measure(port: int, kind: str, number: int) -> None:
    numbers = itertools.count()
    crowd = Crowd(port, f"127.0.1.{number + 1}", [_connection(kind, numbers)] * CONNECTIONS)
    shopper = Shopper(port, number)
    alone = shopper.times(2.0)
    crowd.start()
    began = time.monotonic()
    before = shopper.times(BEFORE, crowd.limited.is_set)
    delay = f"{time.monotonic() - began:.1f} s" if crowd.limited.is_set() else "never"
    after = shopper.times(AFTER)
    crowd.end()
    print(f"{kind}: alone {_summary(alone)}; before {_summary(before)}, RATE_LIMITED after {delay};"
          f" then {_summary(after)}", flush=True)  # fmt: skip


def _summary(times: list[float]) -> str:
    return f"{middle(times):.1f} ({worst(times):.1f})" if times else "-"


def _connection(kind: str, numbers: Iterator[int]) -> Connection:
    """What each connection does, all with bodies of the same numbers."""
    make = KINDS.get(kind, KINDS["unknown fields, each time others"])
    bodies = map(make, numbers)
    if kind == "WebSocket":
        return lambda crowd: _over_socket(crowd, bodies)
    return lambda crowd: _over_http(crowd, bodies, STREAMED.get(kind, "application/json"))


async def _over_http(crowd: Crowd, bodies: Iterator[bytes], accept: str) -> None:
    while not crowd.enough.is_set():
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", crowd.port, local_addr=(crowd.address, 0)
        )
        try:
            while not crowd.enough.is_set():
                writer.write(http(next(bodies), accept))
                _, content = await response(reader)
                if b"RATE_LIMITED" in content:
                    crowd.limited.set()
        except (OSError, asyncio.IncompleteReadError):
            continue
        finally:
            writer.close()


async def _over_socket(crowd: Crowd, bodies: Iterator[bytes]) -> None:
    async with connect(
        f"ws://127.0.0.1:{crowd.port}/graphql",
        subprotocols=["graphql-transport-ws"],
        local_addr=(crowd.address, 0),
        proxy=None,
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        while not crowd.enough.is_set():
            payload = json.loads(next(bodies))
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            if "RATE_LIMITED" in str(await socket.recv()):
                crowd.limited.set()


if __name__ == "__main__":
    main()
