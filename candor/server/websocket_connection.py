"""WebSocket on one connection: as uvicorn speaks it; whoever takes nothing loses it."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from candor.server.connections import Connections, Unsent

if TYPE_CHECKING:
    from candor.server.http_connection import HttpConnection

SERVICE_RESTART = 1012
# How long the client may take to say goodbye when the server ends.
GOODBYE_SECONDS = 0.5


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One connection, in the place of the HTTP connection that it began as."""

    # It may be silent for as long as it likes: uvicorn's pings tell who is gone.
    idle_since = None

    def __init__(
        self, connections: Connections, before: "HttpConnection", *given: Any, **named: Any
    ) -> None:
        super().__init__(*given, **named)
        self._connections, self._before = connections, before
        self._unsent = Unsent()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # Its first request may have come through a proxy, which named them.
        self.client = self._before.scope["client"]
        self.scheme = "wss" if self._before.scope["scheme"] == "https" else "ws"
        self._connections.replace(self._before, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.leave(self)
        super().connection_lost(exc)

    def look(self, now: float) -> None:
        if self._unsent.stalls(self.transport, now):
            self.drop()

    def drop(self) -> None:
        self.transport.abort()

    def shutdown(self) -> None:
        """Close it with a code after which clients come again; told by the server, which ends."""
        self.stop_keepalive()
        if not self.handshake_complete:
            self.conn.send_response(self.conn.reject(HTTPStatus.SERVICE_UNAVAILABLE, ""))
        elif not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
            self.conn.send_close(SERVICE_RESTART)
            self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        # The answer to the close frame ends the connection before that.
        self.close_timer = self.loop.call_later(GOODBYE_SECONDS, self.drop)

    def cut(self) -> None:
        """The server waits no longer."""
        self.drop()
