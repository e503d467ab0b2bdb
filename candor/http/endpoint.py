"""GraphQL at one address: over HTTP, server-sent events and WebSocket."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from candor.callers.body_limits import largest_body
from candor.callers.budgets import Budgets
from candor.callers.identify import Callers, stranger
from candor.callers.tokens import Gatekeeper
from candor.engine.deadline import Departed
from candor.engine.pipeline import Operations
from candor.errors import RETRY_HEADERS, Outage, RequestError
from candor.http import sse
from candor.http.graphiql import GraphiQL
from candor.http.graphql_over_http import (
    EVENTS,
    JSON,
    Incoming,
    Reply,
    must_be_get_or_post,
    negotiate,
    read,
    refuse_cross_site,
    respond,
    status_of,
)
from candor.http.live_connections import Streams
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
        gatekeeper: Gatekeeper,
        metrics: Metrics,
        graphiql: GraphiQL,
        budgets: Budgets | None,
        ending: asyncio.Event,
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._graphiql = graphiql
        self._operations = Operations(settings, metrics, budgets)
        self._callers = Callers(gatekeeper, budgets)
        self._streams = Streams(metrics, self._callers, ending)
        self._origins = Origins(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._converse(WebSocket(scope, receive, send))
            return
        request = Incoming(scope, receive)
        if request.method == "GET" and self._graphiql.is_wanted(request):
            await self._graphiql.page()(scope, receive, send)
            return
        try:
            response = await self._answered(request, receive, send)
        except (Departed, ClientDisconnect):
            return
        if response is not None:
            with suppress(OSError):  # the client left
                await response(scope, receive, send)

    async def _answered(self, request: Incoming, receive: Receive, send: Send) -> Reply | None:
        """The response, unless it was sent already as a stream of events."""
        media_type, caller = JSON, None
        try:
            must_be_get_or_post(request)
            media_type = negotiate(request.headers.get("accept"))
            refuse_cross_site(request, self._origins)
            authorization = request.headers.get("authorization")
            with self._operations.deadlines.over() as identifying:
                caller = await self._callers.identify(request.scope, authorization)
            spent = identifying.spent
            pay = partial(self._operations.admission.charge, caller)
            asked = await read(request, pay, largest_body(caller.viewer))
            if media_type == EVENTS:
                with self._streams.opened(caller, authorization, "sse") as over:
                    await sse.tell(self._operations.stream(asked, caller), over, receive, send)
                return None
            with self._operations.deadlines.over(receive, spent=spent):
                answer = await self._operations.answer(
                    asked, caller, only_queries=request.method == "GET"
                )
        except RequestError as error:
            payer = caller or stranger(request.scope)
            refused = await self._operations.admission.refused(error, payer)
            return self._refused(refused, media_type)
        except (Departed, ClientDisconnect):
            raise
        except Unavailable as trouble:
            return self._refused(Outage.of(trouble), media_type)
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            return respond({"errors": [masked(error)]}, 500, JSON)
        if answer.is_outage:
            return respond(answer.body, Outage.status, media_type, RETRY_HEADERS)
        return respond(answer.body, status_of(media_type, None, started=answer.started), media_type)

    def _refused(self, error: RequestError, media_type: str) -> Reply:
        self._metrics.refused(error.code)
        media_type = JSON if media_type == EVENTS else media_type
        status = status_of(media_type, error.status, started=False)
        return respond({"errors": error.errors}, status, media_type, error.headers)

    async def _converse(self, websocket: WebSocket) -> None:
        if not self._is_welcome(websocket):
            with suppress(OSError):  # it left before
                await websocket.close(4403, "This origin is not allowed")
            return
        await Socket(websocket, self._callers, self._operations, self._streams).serve()

    def _is_welcome(self, connection: HTTPConnection) -> bool:
        """Browsers name the page's origin; no other site's page may open a socket unasked."""
        origin = connection.headers.get("origin")
        if origin is None or origin in self._origins:
            return True
        return origin.partition("://")[2] == connection.headers.get("host")
