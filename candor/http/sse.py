"""Operations over server-sent events: graphql-sse in its distinct connections mode."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Send

from candor.engine.answer_body import Body
from candor.errors import RequestError, ServerEnds
from candor.http.graphql_over_http import raising_disconnect
from candor.masking import masked

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
# A comment is sent this often, so that proxies do not close a quiet stream.
QUIET_SECONDS = 12.0


async def stream(
    answers: AsyncGenerator[list[Body], None],
    over: asyncio.Task[RequestError],
    receive: Receive,
    send: Send,
) -> None:
    """Send the answers as they come, until they end, `over` is done, or the client leaves.

    Raises ClientDisconnect if the client left during a write.
    """
    send = raising_disconnect(send)
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    sending = asyncio.ensure_future(_send_answers(answers, send))
    departure = asyncio.ensure_future(_departure(receive))
    try:
        await asyncio.wait({sending, departure, over}, return_when=asyncio.FIRST_COMPLETED)
        if over.done() and not (sending.done() or departure.done()):
            await _cancel(sending)
            sending = asyncio.ensure_future(_end(send, over.result()))
            await asyncio.wait({sending, departure}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        departure.cancel()
        await _cancel(sending)


async def _send_answers(answers: AsyncGenerator[list[Body], None], send: Send) -> None:
    async with aclosing(answers) as stream:
        try:
            while True:
                bodies = await _next(stream, send)
                if bodies is None:
                    break
                await _send(send, b"".join(_event("next", body.octets) for body in bodies))
        except RequestError as error:
            await _end(send, error)
            return
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the status is sent; a bug ends the stream
            await _send(send, _event("next", Body(errors=[masked(error)]).octets))
    await _complete(send)


async def _end(send: Send, reason: RequestError) -> None:
    """Send the last events of a stream that must end."""
    if not isinstance(reason, ServerEnds):
        await _send(send, _event("next", Body(errors=reason.errors).octets))
    await _complete(send)


async def _complete(send: Send) -> None:
    await _send(send, _event("complete"))
    await send({"type": "http.response.body", "body": b""})


async def _next(stream: AsyncGenerator[list[Body], None], send: Send) -> list[Body] | None:
    """The next answers; None after the last. Sends comments while it waits."""
    coming = asyncio.ensure_future(anext(stream, None))
    try:
        while not (await asyncio.wait({coming}, timeout=QUIET_SECONDS))[0]:
            await _send(send, b":\n\n")
        return coming.result()
    finally:
        await _cancel(coming)


def _event(name: str, data: bytes = b"") -> bytes:
    return b"event: %b\ndata:%b\n\n" % (name.encode(), data and b" " + data)


async def _send(send: Send, octets: bytes) -> None:
    await send({"type": "http.response.body", "body": octets, "more_body": True})


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _cancel(task: asyncio.Future[Any]) -> None:
    """Cancel a task, and wait until it has ended."""
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
