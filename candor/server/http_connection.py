"""uvicorn's HTTP protocol, with limits on time and size.

It relies on uvicorn's internals, so the release is pinned.
"""

from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from candor.callers.body_limits import MAX_BODY
from candor.errors import BadRequest, BodyTooLarge, RequestError, ServerEnds
from candor.http.graphql_over_http import JSON, MAX_BODY_KEY, HttpResponse, respond
from candor.server.connections import (
    Awaited,
    Connections,
    StallDetector,
    TooManyConnections,
    TooManyConnectionsOfOne,
)
from candor.server.proxies import Proxies
from candor.server.websocket_connection import WebSocketConnection

# Bytes of the request line and headers; number of headers and trailers.
MAX_HEADER, MAX_FIELDS = 32_768, 200
# Bytes read of one request, with the framing of its body; more only if the body may be larger. A
# body that is too large is read up to here, so that its sender gets the response.
MAX_REQUEST = 1_000_000
# A client may go on sending for this long after its response, so that it can read it.
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
    """One connection, and the part of a request that it waits for."""

    def __init__(
        self, connections: Connections, proxies: Proxies, *given: Any, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._connections, self._proxies = connections, proxies
        self._served = self.app
        self._stall_detector = StallDetector()
        self._is_proxy = False
        self._ends = self._discards = False
        # Bytes of an unfinished request: those received before, and those of the current chunk.
        self._buffered = self._received = 0
        self._error: RequestError | None = None
        self._expect(Awaited.FIRST_BYTE)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        address = self.client[0] if self.client else None
        # A proxy's connection is shared: each of its requests may be of another address.
        self._is_proxy = address is not None and self._proxies.trusts(address)
        if self._is_proxy:
            address = None
        try:
            self._connections.admit(self, address)
        except TooManyConnections as error:
            self._refuse(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._discards:
            return
        self._received = len(data)
        super().data_received(data)
        if self._awaited is Awaited.HEADER or self._awaited is Awaited.BODY:
            self._buffered += self._received
            self._refuse_too_large()

    # Callbacks of the parser.
    def on_message_begin(self) -> None:
        self._expect(Awaited.HEADER)
        self._buffered = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        large = self._buffered + self._received > MAX_HEADER and self._header_size() > MAX_HEADER
        if large or len(self.headers) > MAX_FIELDS:
            self._error = HeaderTooLarge()
            raise self._error  # stops the parser
        self._expect(Awaited.BODY)
        if self._is_proxy:
            self._count_as_forwarded()
        else:
            self._proxies.warn_of_untrusted_proxy(self.scope)  # type: ignore[arg-type]
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
        if self._is_proxy and not self.transport.is_closing():
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
        self._refuse(self._error or BadRequest("This is no HTTP request."))

    # The `Connection` protocol.
    @property
    def idle_since(self) -> float | None:
        idle = self._awaited in {Awaited.FIRST_BYTE, Awaited.HEADER} and not self._is_busy
        return self._since if idle else None

    def check(self, now: float) -> None:
        if self._stall_detector.stalls(self.transport, now):
            self.drop()
        elif self.flow.read_paused or (self._is_busy and self._awaited is not Awaited.BODY):
            self._since = now  # the client waits for us
        elif now - self._since >= self._awaited.seconds:
            self._time_out()

    def drop(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """Called when the server shuts down: finish a request that has begun to arrive."""
        self._ends = True
        if self._awaited is not Awaited.HEADER or self._is_busy:
            super().shutdown()

    def cut(self) -> None:
        """Called when the grace period is over: end now."""
        if self._awaited is Awaited.FIRST_BYTE and not self._is_busy:
            self.drop()
        else:
            began = self._is_busy and self._awaited is not Awaited.BODY
            self._refuse(ServerEnds(_UNANSWERED if began else None))

    @property
    def _is_busy(self) -> bool:
        """Whether a response is due, now or when the body is complete."""
        return self.cycle is not None and not self.cycle.response_complete

    def _expect(self, awaited: Awaited) -> None:
        self._awaited, self._since = awaited, self.loop.time()

    def _header_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _refuse_too_large(self) -> None:
        begins = self._awaited is Awaited.HEADER
        if (begins and self._buffered > MAX_HEADER) or len(self.headers) > MAX_FIELDS:
            self._refuse(HeaderTooLarge())
        elif self._buffered > self._most and self._is_early_response:
            self._discard_rest()
        elif self._buffered > self._most:
            self._refuse(BodyTooLarge(max=self._largest))

    @property
    def _largest(self) -> int:
        """The limit on the body, which the application sets once it knows the caller."""
        largest: Any = self.scope.get(MAX_BODY_KEY, MAX_BODY)
        return int(largest)

    @property
    def _most(self) -> int:
        return max(2 * self._largest, MAX_REQUEST)

    def _count_as_forwarded(self) -> None:
        self.app = self._served
        try:
            address = self._proxies.apply_forwarded(self.scope)  # type: ignore[arg-type]
            self._connections.count(self, address)
        except TooManyConnectionsOfOne as error:
            self.app = _last_response(error)

    def _time_out(self) -> None:
        if self._awaited is Awaited.FIRST_BYTE:
            self.drop()
        else:
            self._refuse(RequestTimeout())

    @property
    def _is_early_response(self) -> bool:
        """Whether the response was sent before the body was complete."""
        return self._awaited is Awaited.BODY and not self._is_busy

    def _discard_rest(self) -> None:
        """Discard the rest of the body: a client cut off while sending would lose the response."""
        self._discards = True
        self.loop.call_later(LINGER_SECONDS, self.drop)

    def _refuse(self, error: RequestError) -> None:
        """Respond, unless a response has begun, and close. The application sees a disconnect."""
        answered = self._is_early_response
        if self._is_busy:
            answered = self.cycle.response_started
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if answered or self.pipeline:
            self.drop()
            return
        self._expect(Awaited.NOTHING)
        self.transport.write(_bytes_of(_last_response(error)))
        self.transport.close()


def _last_response(error: RequestError) -> HttpResponse:
    """The response that closes a connection."""
    headers = {"Connection": "close", **error.headers}
    return respond({"errors": error.errors}, error.status or 400, JSON, headers)


def _bytes_of(response: HttpResponse) -> bytes:
    lines = [b"%s: %s\r\n" % header for header in response.headers]
    return b"".join([STATUS_LINE[response.status], *lines, b"\r\n", response.body])
