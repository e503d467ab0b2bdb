"""The GraphQL endpoint: one address for HTTP, server-sent events and WebSocket."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from candor.callers.body_limits import largest_body
from candor.callers.budgets import Budgets
from candor.callers.identify import Identifier, anonymous_caller
from candor.callers.tokens import TokenVerifier
from candor.engine.deadline import Departed
from candor.engine.pipeline import Operations
from candor.errors import RETRY_HEADERS, Outage, RequestError
from candor.http import sse
from candor.http.graphiql import GraphiQL
from candor.http.graphql_over_http import (
    EVENTS,
    JSON,
    HttpResponse,
    Incoming,
    check_method,
    negotiate,
    read,
    refuse_cross_site,
    respond,
    status_of,
)
from candor.http.live_connections import LiveConnections
from candor.http.origins import Origins
from candor.http.websocket import Socket
from candor.masking import masked
from candor.operating.metrics import Metrics
from candor.settings import Settings
from models.unavailable import Unavailable

log = logging.getLogger("candor.endpoint")


class GraphQLEndpoint:
    """An ASGI application that answers operations."""

    def __init__(
        self,
        settings: Settings,
        verifier: TokenVerifier,
        metrics: Metrics,
        graphiql: GraphiQL,
        budgets: Budgets | None,
        ending: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._graphiql = graphiql
        self._operations = Operations(settings, metrics, budgets)
        self._identifier = Identifier(verifier, budgets)
        self._connections = LiveConnections(metrics, self._identifier, ending)
        self._origins = Origins(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._serve_websocket(WebSocket(scope, receive, send))
            return
        request = Incoming(scope, receive)
        if request.method == "GET" and self._graphiql.is_wanted(request):
            await self._graphiql.page()(scope, receive, send)
            return
        try:
            response = await self._respond(request, receive, send)
        except (Departed, ClientDisconnect):
            return
        if response is not None:
            with suppress(OSError):  # the client left
                await response(scope, receive, send)

    async def _respond(
        self, request: Incoming, receive: Receive, send: Send
    ) -> HttpResponse | None:
        """The response; None if it was already sent as a stream of events."""
        media_type, caller = JSON, None
        try:
            check_method(request)
            media_type = negotiate(request.headers.get("accept"))
            refuse_cross_site(request, self._origins)
            authorization = request.headers.get("authorization")
            with self._operations.deadlines.start() as identifying:
                caller = await self._identifier.identify(request.scope, authorization)
            spent = identifying.spent
            pay = partial(self._operations.admission.charge, caller)
            operation = await read(request, pay, largest_body(caller.viewer))
            if media_type == EVENTS:
                with self._connections.hold(caller, authorization, "sse") as over:
                    await sse.stream(
                        self._operations.stream(operation, caller), over, receive, send
                    )
                return None
            with self._operations.deadlines.start(receive, spent=spent):
                answer = await self._operations.answer(
                    operation, caller, only_queries=request.method == "GET"
                )
        except RequestError as error:
            payer = caller or anonymous_caller(request.scope)
            refused = await self._operations.admission.charge_refusal(error, payer)
            return self._refused(refused, media_type)
        except (Departed, ClientDisconnect):
            raise
        except Unavailable as error:
            return self._refused(Outage.of(error), media_type)
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            return respond({"errors": [masked(error)]}, 500, JSON)
        if answer.is_outage:
            return respond(answer.body, Outage.status, media_type, RETRY_HEADERS)
        return respond(answer.body, status_of(media_type, None, started=answer.started), media_type)

    def _refused(self, error: RequestError, media_type: str) -> HttpResponse:
        self._metrics.refused(error.code)
        media_type = JSON if media_type == EVENTS else media_type
        status = status_of(media_type, error.status, started=False)
        return respond({"errors": error.errors}, status, media_type, error.headers)

    async def _serve_websocket(self, websocket: WebSocket) -> None:
        if not self._allows_origin(websocket):
            with suppress(OSError):  # the client left
                await websocket.close(4403, "This origin is not allowed")
            return
        await Socket(websocket, self._identifier, self._operations, self._connections).serve()

    def _allows_origin(self, connection: HTTPConnection) -> bool:
        """Browsers name the page's origin: pages of unknown sites may not open a socket."""
        origin = connection.headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        return origin.partition("://")[2] == connection.headers.get("host")
