"""The application: its addresses, and what lives as long as it does."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from candor import mail_worker
from candor.callers.budgets import Budgets
from candor.callers.tokens import Gatekeeper
from candor.http.endpoint import GraphQLEndpoint
from candor.http.graphiql import GraphiQL
from candor.http.graphql_over_http import heeding
from candor.http.origins import Origins
from candor.operating import logs
from candor.operating.health import Health
from candor.operating.logs import RequestLog
from candor.operating.metrics import Metrics
from candor.pages.front_page import FrontPage
from candor.pages.routes import Pages
from candor.settings import Settings, from_environment
from models.announcements import listening
from models.database import opened
from models.own_connections import OwnConnections
from schema.api import printed

_CODES = {
    401: "UNAUTHENTICATED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
}


def application() -> Starlette:
    """The application of one server process: by its environment, with its logs set up."""
    settings = from_environment()
    logs.configure(json_lines=settings.json_logs)
    app = create_app(settings)
    # What is here now stays: the collector need not walk through it again and again, nor look so
    # often at what requests leave, for nearly all of that is gone when they are answered.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return app


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application of these settings, by default those of the environment."""
    settings = settings or from_environment()
    metrics = Metrics()
    # One budget of guesses for tokens and links.
    budgets = Budgets(settings.redis_url, settings.budget) if settings.rate_limits else None
    graphiql = GraphiQL(enabled=settings.graphiql)
    own = OwnConnections()
    health = Health(settings.database_url, metrics, settings.metrics, own)
    # Set by the server as soon as it is told to end.
    ending = asyncio.Event()
    graphql = GraphQLEndpoint(settings, Gatekeeper(settings), metrics, graphiql, budgets, ending)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, asyncio.Event]]:
        async with (
            opened(settings.database_url),
            own.opened(),
            listening(settings.database_url),
            mail_worker.working(settings, ending, own),
        ):
            try:
                yield {"ending": ending}
            finally:
                metrics.count()

    answered = [Middleware(RequestLog), *Origins(settings).middleware()]
    return Application(
        graphql=_behind(answered, graphql),
        routes=[
            *([Route("/graphql/schema.graphql", _sdl)] if settings.introspection else []),
            Route("/graphiql/{name}", graphiql.file),
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.figures),
            *FrontPage(graphiql=settings.graphiql, sdl=settings.introspection).routes(),
            *Pages(settings, budgets).routes(),
        ],
        middleware=answered,
        exception_handlers={HTTPException: _refused},
        lifespan=lifespan,
    )


class Application(Starlette):
    """Leads what nearly every request asks for past the router; it masks its bugs itself."""

    def __init__(self, *, graphql: ASGIApp, **given: Any) -> None:
        super().__init__(**given)
        self._graphql = graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/graphql":
            await self._graphql(scope, receive, send)
        else:
            with suppress(ClientDisconnect):
                await super().__call__(scope, receive, heeding(send))


def _behind(middleware: Sequence[Middleware], app: ASGIApp) -> ASGIApp:
    for each in reversed(middleware):
        app = each.cls(app, *each.args, **each.kwargs)
    return app


async def _sdl(_request: Request) -> Response:
    return PlainTextResponse(printed() + "\n")


async def _refused(_request: Request, error: Any) -> Response:
    code = _CODES.get(error.status_code, "BAD_REQUEST")
    body = {"errors": [{"message": error.detail, "extensions": {"code": code}}]}
    return JSONResponse(body, error.status_code, error.headers)
