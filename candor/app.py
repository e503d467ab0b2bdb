"""The application: its addresses, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from candor.endpoint import GraphQLEndpoint
from candor.settings import Settings, from_environment
from candor.tokens import Gatekeeper
from models.database import opened
from schema.api import schema


def create_app(settings: Settings | None = None) -> Starlette:
    """The ASGI application of these settings, by default those of the environment."""
    settings = settings or from_environment()
    graphql = GraphQLEndpoint(Gatekeeper(settings))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with opened(settings.database_url):
            yield

    return Starlette(
        routes=[
            Route("/graphql", graphql.answer, methods=["GET", "POST"]),
            Route("/graphql/schema.graphql", _sdl),
            Route("/healthz", _alive),
        ],
        lifespan=lifespan,
    )


async def _sdl(_request: Request) -> Response:
    return PlainTextResponse(schema.as_str() + "\n")


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("ok\n")
