"""HTTP on one connection: as uvicorn speaks it, with limits of time and size.

It leans on how uvicorn's protocol is made inside, so that release is pinned.
"""

from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from candor.callers.body_limits import MAX_BODY
from candor.errors import BadRequest, BodyTooLarge, RequestError, ServerEnds
from candor.http.graphql_over_http import JSON, MOST, Reply, respond
from candor.server.connections import (
    Awaited,
    Connections,
    TooManyConnections,
    TooManyConnectionsOfOne,
    Unsent,
)
from candor.server.proxies import Proxies
from candor.server.websocket_connection import WebSocketConnection

# Octets of the request line and the headers, and how many headers and trailers there may be.
MAX_HEADER, MAX_FIELDS = 32_768, 200
# Octets that are read of one request, however its body is wrapped, and more only of a body that may
# be larger. A body that is too large is read on so far, so that its sender hears so.
MAX_REQUEST = 1_000_000
# For so long a client that has its answer may go on sending: then it has seen it.
LINGER_SECONDS = 2.0
_UNANSWERED = (
    "This server ends before its answer is there. A mutation may have been carried out: ask again"
    " with the same idempotencyKey, or look before you do."
)


class RequestTimeout(RequestError):
    """The request took too long to come."""

    status = 408
    code = "REQUEST_TIMEOUT"


class HeaderTooLarge(RequestError):
    """The header is too large."""

    status = 431
    code = "HEADER_TOO_LARGE"


class HttpConnection(HttpToolsProtocol):
    """One connection, and what it waits for."""

    def __init__(
        self, connections: Connections, proxies: Proxies, *given: Any, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._connections, self._proxies = connections, proxies
        self._served = self.app
        self._unsent = Unsent()
        self._is_proxys = False
        self._ends = self._is_deaf = False
        # Octets of an unfinished request that came before, and that came now.
        self._read = self._came = 0
        self._fault: RequestError | None = None
        self._expect(Awaited.FIRST_BYTE)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        address = self.client[0] if self.client else None
        # The connections of a proxy are those of many: each of its requests has another address.
        self._is_proxys = address is not None and self._proxies.trusts(address)
        if self._is_proxys:
            address = None
        try:
            self._connections.admit(self, address)
        except TooManyConnections as error:
            self._refuse(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        self._came = len(data)
        super().data_received(data)
        if self._awaited is Awaited.HEADER or self._awaited is Awaited.BODY:
            self._read += self._came
            self._refuse_too_large()

    # What the parser has found.
    def on_message_begin(self) -> None:
        self._expect(Awaited.HEADER)
        self._read = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        large = self._read + self._came > MAX_HEADER and self._header_size() > MAX_HEADER
        if large or len(self.headers) > MAX_FIELDS:
            self._fault = HeaderTooLarge()
            raise self._fault  # the parser stops
        self._expect(Awaited.BODY)
        if self._is_proxys:
            self._count_as_forwarded()
        else:
            self._proxies.doubt(self.scope)  # type: ignore[arg-type]
        super().on_headers_complete()
        if self._ends and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self._expect(Awaited.NOTHING)
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self._expect(Awaited.FIRST_BYTE)

    def on_response_complete(self) -> None:
        if self._awaited is Awaited.NOTHING:
            self._expect(Awaited.FIRST_BYTE)
        if self._is_proxys and not self.transport.is_closing():
            self._connections.count(self, None)
        super().on_response_complete()

    def handle_websocket_upgrade(self) -> None:
        if self._ends or self.app is not self._served:
            self._refuse(ServerEnds() if self._ends else TooManyConnectionsOfOne())
            return
        self._expect(Awaited.NOTHING)
        speaker = partial(WebSocketConnection, self._connections, self)
        self.ws_protocol_class = speaker  # type: ignore[assignment]
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        self._refuse(self._fault or BadRequest("This is no HTTP request."))

    # What those that watch over it ask.
    @property
    def idle_since(self) -> float | None:
        idle = self._awaited in {Awaited.FIRST_BYTE, Awaited.HEADER} and not self._is_busy
        return self._since if idle else None

    def look(self, now: float) -> None:
        if self._unsent.stalls(self.transport, now):
            self.drop()
        elif self.flow.read_paused or (self._is_busy and self._awaited is not Awaited.BODY):
            self._since = now  # the client waits for us
        elif now - self._since >= self._awaited.seconds:
            self._give_up()

    def drop(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """Finish what the client has begun to send; told by the server, which ends."""
        self._ends = True
        if self._awaited is not Awaited.HEADER or self._is_busy:
            super().shutdown()

    def cut(self) -> None:
        """The server waits no longer."""
        if self._awaited is Awaited.FIRST_BYTE and not self._is_busy:
            self.drop()
        else:
            began = self._is_busy and self._awaited is not Awaited.BODY
            self._refuse(ServerEnds(_UNANSWERED if began else None))

    @property
    def _is_busy(self) -> bool:
        """Whether an answer is due, at the latest when the body is there."""
        return self.cycle is not None and not self.cycle.response_complete

    def _expect(self, awaited: Awaited) -> None:
        self._awaited, self._since = awaited, self.loop.time()

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_too_large(self) -> None:
        begins = self._awaited is Awaited.HEADER
        if (begins and self._read > MAX_HEADER) or len(self.headers) > MAX_FIELDS:
            self._refuse(HeaderTooLarge())
        elif self._read > self._most and self._is_answered:
            self._be_deaf()
        elif self._read > self._most:
            self._refuse(BodyTooLarge(max=self._largest))

    @property
    def _largest(self) -> int:
        """How large the body may be, as the application has said since it knows the sender."""
        largest: Any = self.scope.get(MOST, MAX_BODY)
        return int(largest)

    @property
    def _most(self) -> int:
        return max(2 * self._largest, MAX_REQUEST)

    def _count_as_forwarded(self) -> None:
        self.app = self._served
        try:
            address = self._proxies.describe(self.scope)  # type: ignore[arg-type]
            self._connections.count(self, address)
        except TooManyConnectionsOfOne as error:
            self.app = _reply(error)

    def _give_up(self) -> None:
        if self._awaited is Awaited.FIRST_BYTE:
            self.drop()
        else:
            self._refuse(RequestTimeout())

    @property
    def _is_answered(self) -> bool:
        """Whether the answer was sent before the body was here."""
        return self._awaited is Awaited.BODY and not self._is_busy

    def _be_deaf(self) -> None:
        """Throw away what still comes: whoever is cut while sending loses the answer."""
        self._is_deaf = True
        self.loop.call_later(LINGER_SECONDS, self.drop)

    def _refuse(self, error: RequestError) -> None:
        """Tell it, unless an answer has begun, and end. To the application the client left."""
        answered = self._is_answered
        if self._is_busy:
            answered = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if answered or self.pipeline:
            self.drop()
            return
        self._expect(Awaited.NOTHING)
        self.transport.write(_octets(_reply(error)))
        self.transport.close()


def _reply(error: RequestError) -> Reply:
    """An answer that is the last one on its connection."""
    headers = {"Connection": "close", **error.headers}
    return respond({"errors": error.errors}, error.status or 400, JSON, headers)


def _octets(reply: Reply) -> bytes:
    lines = [b"%s: %s\r\n" % header for header in reply.headers]
    return b"".join([STATUS_LINE[reply.status], *lines, b"\r\n", reply.body])
