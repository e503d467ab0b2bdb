"""A shopper's page beside sixteen connections whose every request is refused.

`python tests/benchmarks/refusals.py [KIND …]` prints, for each kind of refusal, how long the page
takes alone, until the sixteen get RATE_LIMITED, and from then on. It takes a minute or two.
"""

import asyncio
import itertools
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from marketplace import Size, service_id
from operations import DOCUMENTS
from processes import APPLICATION, OTHERS, on_cores, running
from storing import build_sqlite
from websockets.asyncio.client import connect

CONNECTIONS, REVIEWS = 16, 2_000
# Seconds to measure before RATE_LIMITED, at most, and after it.
BEFORE, AFTER = 6.0, 3.0
Bodies = Callable[[int], bytes]


def _body(query: str, **more: Any) -> bytes:
    return json.dumps({"query": query} | more).encode()


def _fields(number: int) -> str:
    return (
        "{" + " ".join(f"a{number}_{each}" if not each else f"a{each}" for each in range(490)) + "}"
    )


_DEEP = "{ a" + "{ a" * 150 + "}" * 151
_PAGE = "query($n: Int!) { reviews(first: $n) { nodes { id } } }"
KINDS: dict[str, Bodies] = {
    "unknown fields, each time others": lambda n: _body(_fields(n)),
    "unknown fields, always the same": lambda _: _body(_fields(0)),
    "one unknown field, each time another": lambda n: _body(f"{{ nope{n} }}"),
    "syntax": lambda n: _body(_fields(n)[:-1]),
    "fields that merge": lambda n: _body(f"query N{n} {{" + " viewer { role }" * 245 + "}"),
    "too deep": lambda n: _body(f"query N{n} {_DEEP}"),
    "too many tokens": lambda n: _body(f"query N{n} {{" + " a" * 2_500 + "}"),
    "a long comment": lambda n: _body(f"{{ nope{n} }} #" + "x" * 150_000),
    "no such operation": lambda _: _body("{ __typename }", operationName="X"),
    "too expensive": lambda _: _body(_PAGE, variables={"n": 5_000}),
    "wrong variables": lambda _: _body(_PAGE, variables={"n": "x"}),
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
    limited, enough = multiprocessing.Event(), multiprocessing.Event()
    arguments = (port, kind, f"127.0.1.{number + 1}", limited, enough)
    crowd = multiprocessing.Process(target=_crowd, args=arguments)
    shopper = _Shopper(port, number)
    alone = shopper.times(2.0, lambda: False)
    crowd.start()
    began = time.monotonic()
    before = shopper.times(BEFORE, limited.is_set)
    delay = f"{time.monotonic() - began:.1f} s" if limited.is_set() else "never"
    after = shopper.times(AFTER, lambda: False)
    enough.set()
    crowd.join()
    print(f"{kind}: alone {_summary(alone)}; before {_summary(before)}, RATE_LIMITED after {delay};"
          f" then {_summary(after)}", flush=True)  # fmt: skip


def _summary(times: list[float]) -> str:
    if not times:
        return "-"
    worst = sorted(times)[int(len(times) * 0.95)]
    return f"{statistics.median(times) * 1000:.1f} ({worst * 1000:.1f})"


class _Shopper:
    """Loads a page now and then, in each phase from another address, so as never to be limited."""

    def __init__(self, port: int, number: int) -> None:
        self._port = port
        self._addresses = (f"127.0.{2 + phase}.{number + 1}" for phase in itertools.count())
        variables = {"ref": {"externalId": service_id(0)}}
        self._request = _http(_body(DOCUMENTS["Q1"], variables=variables))

    def times(self, seconds: float, is_over: Callable[[], bool]) -> list[float]:
        return asyncio.run(self._times(seconds, is_over))

    async def _times(self, seconds: float, is_over: Callable[[], bool]) -> list[float]:
        address = (next(self._addresses), 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=address)
        times, end = [], time.monotonic() + seconds
        while time.monotonic() < end and not is_over():
            began = time.perf_counter()
            writer.write(self._request)
            status, _ = await _response(reader)
            assert status == 200
            times.append(time.perf_counter() - began)
            await asyncio.sleep(0.05)
        writer.close()
        return times[1:]


def _crowd(port: int, kind: str, address: str, limited: Event, enough: Event) -> None:
    asyncio.run(_send_all(port, kind, address, limited, enough))


async def _send_all(port: int, kind: str, address: str, limited: Event, enough: Event) -> None:
    numbers = itertools.count()
    bodies = KINDS.get(kind, KINDS["unknown fields, each time others"])
    send = _over_socket if kind == "WebSocket" else _over_http
    accept = STREAMED.get(kind, "application/json")
    await asyncio.gather(
        *(
            send(port, address, (bodies(n) for n in numbers), limited, enough, accept)
            for _ in range(CONNECTIONS)
        )
    )


async def _over_http(
    port: int, address: str, bodies: Iterator[bytes], limited: Event, enough: Event, accept: str
) -> None:
    while not enough.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
        try:
            while not enough.is_set():
                writer.write(_http(next(bodies), accept))
                _, response = await _response(reader)
                if b"RATE_LIMITED" in response:
                    limited.set()
        except (OSError, asyncio.IncompleteReadError):
            continue
        finally:
            writer.close()


async def _over_socket(
    port: int, address: str, bodies: Iterator[bytes], limited: Event, enough: Event, _accept: str
) -> None:
    async with connect(
        f"ws://127.0.0.1:{port}/graphql",
        subprotocols=["graphql-transport-ws"],
        local_addr=(address, 0),
        proxy=None,
    ) as socket:
        await socket.send('{"type": "connection_init"}')
        await socket.recv()
        while not enough.is_set():
            payload = json.loads(next(bodies))
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            if "RATE_LIMITED" in str(await socket.recv()):
                limited.set()


def _http(body: bytes, accept: str = "application/json") -> bytes:
    head = (
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head.split(b" ", 2)[1])
    if b"content-length:" in head:
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        return status, await reader.readexactly(length)
    content = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        content += await reader.readexactly(size + 2)
    await reader.readexactly(2)
    return status, content


if __name__ == "__main__":
    main()
