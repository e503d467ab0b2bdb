"""A shopper who loads a page now and then, and a crowd of connections that are in the way."""

import asyncio
import itertools
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Coroutine
from multiprocessing.synchronize import Event
from typing import Any

from marketplace import service_id
from operations import DOCUMENTS

_PAUSE = 0.05
# What one of the crowd's connections does, until the event that it is enough.
Connection = Callable[["Crowd"], Coroutine[Any, Any, None]]
# Functions are handed to the crowd's process, so it is a copy of this one.
PROCESSES = multiprocessing.get_context("fork")


class Crowd:
    """Connections from one address, in a process of their own."""

    def __init__(self, port: int, address: str, connections: list[Connection]) -> None:
        self.port, self.address = port, address
        self.limited: Event = PROCESSES.Event()
        self.enough: Event = PROCESSES.Event()
        self._connections = connections
        self._process = PROCESSES.Process(target=self._run)

    def start(self) -> None:
        self._process.start()

    def end(self) -> None:
        self.enough.set()
        self._process.join()

    def _run(self) -> None:
        asyncio.run(self._send_all())

    async def _send_all(self) -> None:
        await asyncio.gather(*(connection(self) for connection in self._connections))


class Shopper:
    """Loads a page now and then, in each phase from another address, so as never to be limited."""

    def __init__(self, port: int, number: int, service: str | None = None) -> None:
        self._port = port
        self._addresses = (f"127.0.{2 + phase}.{number + 1}" for phase in itertools.count())
        variables = {"ref": {"externalId": service or service_id(0)}}
        self._request = http(body(DOCUMENTS["Q1"], variables=variables))

    def times(self, seconds: float, is_over: Callable[[], bool] = lambda: False) -> list[float]:
        """Seconds that each page took, without the first, until the time or the phase is over."""
        return asyncio.run(self._times(seconds, is_over))

    async def _times(self, seconds: float, is_over: Callable[[], bool]) -> list[float]:
        address = (next(self._addresses), 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, local_addr=address)
        times, end = [], time.monotonic() + seconds
        while time.monotonic() < end and not is_over():
            began = time.perf_counter()
            writer.write(self._request)
            status, _ = await response(reader)
            assert status == 200
            times.append(time.perf_counter() - began)
            await asyncio.sleep(_PAUSE)
        writer.close()
        return times[1:]


def middle(times: list[float]) -> float:
    """The median, in milliseconds."""
    return statistics.median(times) * 1000 if times else 0.0


def worst(times: list[float], share: float = 0.95) -> float:
    """This percentile, in milliseconds."""
    return sorted(times)[int(len(times) * share)] * 1000 if times else 0.0


def body(query: str, **more: Any) -> bytes:
    return json.dumps({"query": query} | more).encode()


def http(content: bytes, accept: str = "application/json") -> bytes:
    head = (
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


async def response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
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
