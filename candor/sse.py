"""Operations over server-sent events: graphql-sse with a connection for each operation."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.types import Receive, Send

from candor.deadline import Departed
from candor.errors import RequestError, masked
from candor.operations import Body

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
# A comment keeps proxies from closing what is only quiet.
QUIET_SECONDS = 12.0
# Whoever does not take an event in so long is taken for gone.
SEND_SECONDS = 20.0


async def tell(answers: AsyncGenerator[Body, None], receive: Receive, send: Send) -> None:
    """Send the answers as they come. Ends when they do, or when the client leaves or stalls."""
    telling = asyncio.ensure_future(_tell(answers, send))
    leaving = asyncio.ensure_future(_departure(receive))
    try:
        await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        telling.cancel()
        with suppress(asyncio.CancelledError, TimeoutError):
            await telling


async def _tell(answers: AsyncGenerator[Body, None], send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    async with aclosing(answers) as stream:
        try:
            while True:
                body = await _next(stream, send)
                if body is None:
                    break
                await _event(send, "next", body)
        except TimeoutError:
            return
        except RequestError as error:
            await _event(send, "next", {"errors": error.errors})
        except Exception as error:  # noqa: BLE001 - the status is sent; a bug ends the stream
            await _event(send, "next", {"errors": [masked(error)]})
    await _event(send, "complete")
    await send({"type": "http.response.body", "body": b""})


async def _next(stream: AsyncGenerator[Body, None], send: Send) -> Body | None:
    """The next answer, with signs of life until it comes; None after the last one."""
    coming = asyncio.ensure_future(anext(stream, None))
    try:
        while not (await asyncio.wait({coming}, timeout=QUIET_SECONDS))[0]:
            await _send(send, b":\n\n")
        return coming.result()
    finally:
        if not coming.done():
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming


async def _event(send: Send, name: str, data: Any = None) -> None:
    payload = b"" if data is None else b" " + orjson.dumps(data)
    await _send(send, b"event: " + name.encode() + b"\ndata:" + payload + b"\n\n")


async def _send(send: Send, octets: bytes) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": octets, "more_body": True})


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise Departed
