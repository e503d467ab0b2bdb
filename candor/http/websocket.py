"""Operations over WebSocket, by the protocol graphql-transport-ws."""

import asyncio
from contextlib import aclosing, suppress
from typing import Any

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from candor.callers.body_limits import largest_message
from candor.callers.budgets import Caller
from candor.callers.identify import Identifier, anonymous_caller
from candor.engine.answer_body import Body
from candor.engine.pipeline import Operations
from candor.engine.request import from_json, parse_request
from candor.errors import (
    BadRequest,
    OperationTimeout,
    Outage,
    RequestError,
    ServerEnds,
    TooSlow,
)
from candor.http.graphql_over_http import BYTES_PER_POINT, FREE_BYTES
from candor.http.live_connections import LiveConnections
from candor.masking import masked

# The key of an ASGI extension, and of a message's texts in UTF-8: how all of them begin, what is
# between, and how all of them end.
TEXTS = "candor.texts"
PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10.0
MAX_OPERATIONS = 50
MAX_ID = 128
# Close codes for errors of the client.
_FAULTS = {1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429}


class Close(Exception):
    """The connection must close, with a code of the protocol."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason[:120]


class Socket:
    """One connection and the operations that run on it."""

    def __init__(
        self,
        websocket: WebSocket,
        identifier: Identifier,
        operations: Operations,
        connections: LiveConnections,
    ) -> None:
        self._websocket = websocket
        self._identifier = identifier
        self._operations = operations
        self._connections = connections
        self._running: dict[str, asyncio.Task[None]] = {}
        # Who pays for refusals.
        self._payer = anonymous_caller(websocket.scope)
        self._end: asyncio.Future[Close] = asyncio.get_running_loop().create_future()

    async def serve(self) -> None:
        """Serve until one side closes the connection."""
        is_supported = PROTOCOL in self._websocket.scope["subprotocols"]
        try:
            await self._websocket.accept(subprotocol=PROTOCOL if is_supported else None)
        except OSError:  # the client left
            return
        if not is_supported:
            await self._close(Close(4406, "Subprotocol not acceptable"))
            return
        try:
            authorization = await self._await_init()
            caller = self._payer = await self._identify(authorization)
            with self._connections.hold(caller, authorization, "websocket") as over:
                await self._send({"type": "connection_ack"})
                await self._serve_messages(caller, over)
        except Close as close:
            await self._close(close)
        except RequestError as error:
            await self._close(_close_of(error))
        except WebSocketDisconnect:
            pass

    async def _await_init(self) -> str | None:
        """The credential in connection_init, or in the header of the handshake."""
        try:
            async with asyncio.timeout(INIT_SECONDS):
                message = await self._receive()
                while message["type"] in {"ping", "pong"}:
                    await self._pong(message)
                    message = await self._receive()
        except TimeoutError:
            raise Close(4408, "Connection initialisation timeout") from None
        if message["type"] == "subscribe":
            raise Close(4401, "Unauthorized")
        if message["type"] != "connection_init":
            raise Close(4400, "Send connection_init first")
        return _authorization(message.get("payload")) or self._websocket.headers.get(
            "authorization"
        )

    async def _identify(self, authorization: str | None) -> Caller:
        with self._operations.deadlines.start():
            return await self._identifier.identify(self._websocket.scope, authorization)

    async def _serve_messages(self, caller: Caller, over: asyncio.Task[RequestError]) -> None:
        try:
            while True:
                receiving = asyncio.ensure_future(self._receive())
                either: set[asyncio.Future[Any]] = {receiving, self._end, over}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if over.done():
                    self._end_with(_close_of(over.result()))
                if self._end.done():
                    receiving.cancel()
                    raise self._end.result()
                await self._handle(receiving.result(), caller)
        finally:
            tasks = [*self._running.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, message: dict[str, Any], caller: Caller) -> None:
        match message["type"]:
            case "ping" | "pong":
                await self._pong(message)
            case "subscribe":
                self._subscribe(message, caller)
            case "complete":
                task = self._running.pop(_id(message), None)
                if task is not None:
                    task.cancel()
            case "connection_init":
                raise Close(4429, "Too many initialisation requests")
            case _:
                raise Close(4400, "Unknown message type")

    def _subscribe(self, message: dict[str, Any], caller: Caller) -> None:
        name = _id(message)
        if name in self._running:
            raise Close(4409, f"Subscriber for {name} already exists")
        if len(self._running) >= MAX_OPERATIONS:
            raise Close(4429, "Too many operations on one connection")
        try:
            operation = parse_request(message.get("payload"))
        except BadRequest as error:
            raise Close(4400, error.message) from None
        results = self._operations.stream(operation, caller)
        self._running[name] = asyncio.ensure_future(self._run(name, results))

    async def _run(self, name: str, results: Any) -> None:
        last: dict[str, Any] = {"id": name, "type": "complete"}
        try:
            async with aclosing(results) as answers:
                async for bodies in answers:
                    *_, newest = bodies
                    is_refused = "data" not in newest
                    await self._send_next(name, bodies[:-1] if is_refused else bodies)
                    if is_refused:
                        last = {"id": name, "type": "error", "payload": newest["errors"]}
                        break
        except WebSocketDisconnect:
            self._running.pop(name, None)
            return
        except TooSlow as error:
            self._end_with(_close_of(error))
            return
        except RequestError as error:
            last = {"id": name, "type": "error", "payload": error.errors}
        except Exception as error:  # noqa: BLE001 - a bug ends the operation, not the connection
            last = {"id": name, "type": "error", "payload": [masked(error)]}
        # Free the id before the client learns that the operation ended.
        self._running.pop(name, None)
        with suppress(WebSocketDisconnect):
            await self._send(last)

    async def _receive(self) -> dict[str, Any]:
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text = event.get("text")
        if text is None:
            raise Close(4400, "Messages are text")
        if len(text.encode(errors="surrogatepass")) > largest_message(self._payer.viewer):
            raise Close(1009, "The message is too large")
        if len(text) > FREE_BYTES:
            await self._operations.admission.charge(self._payer, len(text) // BYTES_PER_POINT)
        try:
            message = from_json(text)
        except BadRequest:
            raise Close(4400, "Messages are JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Close(4400, "Messages are objects with a type")
        return message

    async def _pong(self, message: dict[str, Any]) -> None:
        if message["type"] == "ping":
            await self._send({"type": "pong"})

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises WebSocketDisconnect if one side has closed the connection."""
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(1006)
        await self._websocket.send_text(orjson.dumps(message).decode())

    async def _send_next(self, name: str, bodies: list[Body]) -> None:
        """Send answers of an operation: around each body only its envelope is made."""
        start, end = orjson.dumps({"id": name, "type": "next"})[:-1] + b',"payload":', b"}"
        texts = [body.octets for body in bodies]
        if self._websocket.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnect(1006)
        if TEXTS in (self._websocket.scope.get("extensions") or {}):
            await self._websocket.send({"type": "websocket.send", TEXTS: (start, texts, end)})
            return
        for text in texts:
            await self._websocket.send_text((start + text + end).decode())

    def _end_with(self, close: Close) -> None:
        if not self._end.done():
            self._end.set_result(close)

    async def _close(self, close: Close) -> None:
        if close.code in _FAULTS:
            # Charge a refusal. With an empty budget, this takes a moment.
            await self._operations.admission.charge_refusal(BadRequest(), self._payer)
        with suppress(RuntimeError, WebSocketDisconnect):
            await self._websocket.close(close.code, close.reason)


_CODES: dict[type[RequestError], int] = {
    ServerEnds: 1012,
    Outage: 1013,
    OperationTimeout: 1013,
    TooSlow: 1013,
}


def _close_of(error: RequestError) -> Close:
    """The close code and reason of an error that ends the connection."""
    return Close(_CODES.get(type(error), 4403), f"{error.code}: {error.message}")


def _id(message: dict[str, Any]) -> str:
    name = message.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID:
        raise Close(4400, "Operations have an id of 1 to 128 characters")
    return name


def _authorization(payload: Any) -> str | None:
    """The credential in the payload of connection_init, as common clients spell it."""
    if payload is None:
        return None
    if not isinstance(payload, dict):
        raise Close(4400, "The payload of connection_init is an object")
    headers = payload.get("headers")
    for place in (payload, headers if isinstance(headers, dict) else {}):
        for name, value in place.items():
            if name.lower() == "authorization" and isinstance(value, str):
                return value
    token = payload.get("token") or payload.get("authToken")
    return f"Bearer {token}" if isinstance(token, str) else None
