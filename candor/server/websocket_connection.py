"""uvicorn's WebSocket protocol, which drops clients that stop reading."""

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from candor.http.websocket import TEXTS
from candor.server.connections import Connections, StallDetector

if TYPE_CHECKING:
    from candor.server.http_connection import HttpConnection

SERVICE_RESTART = 1012
# How long the client may take to answer the close frame.
CLOSE_SECONDS = 0.5


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One connection, in place of the HTTP connection that it was upgraded from."""

    # It may be silent for any time: uvicorn's pings detect clients that are gone.
    idle_since = None

    def __init__(
        self, connections: Connections, before: "HttpConnection", *given: Any, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._connections, self._before = connections, before
        self._stall_detector = StallDetector()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # A proxy may have set these for the upgrade request.
        self.client = self._before.scope["client"]
        self.scheme = "wss" if self._before.scope["scheme"] == "https" else "ws"
        self._connections.replace(self._before, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        super().connection_lost(exc)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][TEXTS] = {}

    async def send(self, message: Any) -> None:
        """Send a message; one with several texts as their frames, in one write."""
        texts = message.get(TEXTS)
        if texts is None:
            await super().send(message)
            return
        await self.writable.wait()
        if self.disconnected or self.close_sent:
            raise ClientDisconnected
        self.transport.write(b"".join(_frames(*texts)))

    def check(self, now: float) -> None:
        if self._stall_detector.stalls(self.transport, now):
            self.drop()

    def drop(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """Called when the server shuts down: close with a code after which clients reconnect."""
        self.stop_keepalive()
        if not self.handshake_complete:
            self.conn.send_response(self.conn.reject(HTTPStatus.SERVICE_UNAVAILABLE, ""))
        elif not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
            self.conn.send_close(SERVICE_RESTART)
            self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        # Normally, the client's close frame ends the connection before that.
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.drop)

    def cut(self) -> None:
        """Called when the grace period is over: end now."""
        self.drop()


def _frames(start: bytes, bodies: list[bytes], end: bytes) -> list[bytes]:
    """The parts of the frames of these texts in UTF-8, each a body between `start` and `end`."""
    around = len(start) + len(end)
    return [part for body in bodies for part in (_header(around + len(body)), start, body, end)]


@lru_cache(1000)
def _header(length: int) -> bytes:
    """The header of a text frame by RFC 6455: final, uncompressed, unmasked."""
    if length < 126:
        return b"\x81%c" % length
    if length < 1 << 16:
        return b"\x81\x7e" + length.to_bytes(2)
    return b"\x81\x7f" + length.to_bytes(8)
