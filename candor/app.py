"""The ASGI application: its routes and everything that lives as long as it does."""

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
from candor.callers.tokens import TokenVerifier
from candor.http.endpoint import GraphQLEndpoint
from candor.http.graphiql import GraphiQL
from candor.http.graphql_over_http import raising_disconnect
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
    """The application of one server process, configured by its environment, with logging set up."""
    settings = from_environment()
    logs.configure(json_lines=settings.json_logs)
    app = create_app(settings)
    # Freeze startup objects so that the collector skips them, and collect less often: nearly
    # everything that a request allocates is freed by reference counting.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    return app


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application for this configuration, by default that of the environment."""
    settings = settings or from_environment()
    metrics = Metrics()
    # Tokens and links share one budget of guesses.
    budgets = Budgets(settings.redis_url, settings.budget) if settings.rate_limits else None
    graphiql = GraphiQL(enabled=settings.graphiql)
    own = OwnConnections()
    health = Health(settings.database_url, metrics, settings.metrics, own)
    # Set by the server when shutdown begins.
    ending = asyncio.Event()
    graphql = GraphQLEndpoint(settings, TokenVerifier(settings), metrics, graphiql, budgets, ending)

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

    middleware = [Middleware(RequestLog), *Origins(settings).middleware()]
    return Application(
        graphql=_wrap(middleware, graphql),
        routes=[
            *([Route("/graphql/schema.graphql", _sdl)] if settings.introspection else []),
            Route("/graphiql/{name}", graphiql.file),
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.figures),
            *FrontPage(graphiql=settings.graphiql, sdl=settings.introspection).routes(),
            *Pages(settings, budgets).routes(),
        ],
        middleware=middleware,
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )


class Application(Starlette):
    """Sends /graphql, which nearly every request is for, past the router. It masks its own bugs."""

    def __init__(self, *, graphql: ASGIApp, **options: Any) -> None:
        super().__init__(**options)
        self._graphql = graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") == "/graphql":
            await self._graphql(scope, receive, send)
        else:
            with suppress(ClientDisconnect):
                await super().__call__(scope, receive, raising_disconnect(send))


def _wrap(middleware: Sequence[Middleware], app: ASGIApp) -> ASGIApp:
    for each in reversed(middleware):
        app = each.cls(app, *each.args, **each.kwargs)
    return app


async def _sdl(_request: Request) -> Response:
    return PlainTextResponse(printed() + "\n")


async def _http_error(_request: Request, error: Any) -> Response:
    code = _CODES.get(error.status_code, "BAD_REQUEST")
    body = {"errors": [{"message": error.detail, "extensions": {"code": code}}]}
    return JSONResponse(body, error.status_code, error.headers)
