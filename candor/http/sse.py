"""Operations over server-sent events: graphql-sse with a connection for each operation."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from candor.engine.pipeline import Body
from candor.errors import RequestError, ServerEnds
from candor.http.graphql_over_http import heeding
from candor.masking import masked

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
# A comment keeps proxies from closing what is only quiet.
QUIET_SECONDS = 12.0


async def tell(
    answers: AsyncGenerator[Body, None],
    over: asyncio.Task[RequestError],
    receive: Receive,
    send: Send,
) -> None:
    """Send the answers as they come, until they end, the stream is over, or the client leaves.

    Raises ClientDisconnect for a client that left while it was written to.
    """
    send = heeding(send)
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    telling = asyncio.ensure_future(_tell(answers, send))
    leaving = asyncio.ensure_future(_departure(receive))
    try:
        await asyncio.wait({telling, leaving, over}, return_when=asyncio.FIRST_COMPLETED)
        if over.done() and not (telling.done() or leaving.done()):
            await _cancelled(telling)
            telling = asyncio.ensure_future(_end(send, over.result()))
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        await _cancelled(telling)


async def _tell(answers: AsyncGenerator[Body, None], send: Send) -> None:
    async with aclosing(answers) as stream:
        try:
            while True:
                body = await _next(stream, send)
                if body is None:
                    break
                await _event(send, "next", body)
        except RequestError as error:
            await _end(send, error)
            return
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the status is sent; a bug ends the stream
            await _event(send, "next", {"errors": [masked(error)]})
    await _complete(send)


async def _end(send: Send, reason: RequestError) -> None:
    """The last events of a stream that may not go on."""
    if not isinstance(reason, ServerEnds):
        await _event(send, "next", {"errors": reason.errors})
    await _complete(send)


async def _complete(send: Send) -> None:
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
        await _cancelled(coming)


async def _event(send: Send, name: str, data: Any = None) -> None:
    payload = b"" if data is None else b" " + orjson.dumps(data)
    await _send(send, b"event: " + name.encode() + b"\ndata:" + payload + b"\n\n")


async def _send(send: Send, octets: bytes) -> None:
    await send({"type": "http.response.body", "body": octets, "more_body": True})


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancelled(task: asyncio.Future[Any]) -> None:
    """Wait until a task is over that nobody waits for any more."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
