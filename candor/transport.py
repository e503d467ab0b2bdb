"""GraphQL over HTTP: what is accepted, what is answered, and with which status."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from candor.errors import (
    BadRequest,
    BodyTooLarge,
    CrossSite,
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
)
from candor.requests import Asked, asked, asked_by_query, from_json

MAX_BODY = 200_000
JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
_RANGES = {
    GRAPHQL: GRAPHQL,
    JSON: JSON,
    "application/*": JSON,
    "*/*": JSON,
    EVENTS: EVENTS,
}
# Headers that a page of another site cannot send before the browser has asked us for permission.
_PREFLIGHTED = ("graphql-require-preflight", "apollo-require-preflight", "x-apollo-operation-name")


def must_be_get_or_post(request: Request) -> None:
    """Raises MethodNotAllowed."""
    if request.method not in {"GET", "POST"}:
        raise MethodNotAllowed(headers={"Allow": "GET, POST"})


def negotiate(accept: str | None) -> str:
    """The media type to answer in. Raises NotAcceptable."""
    if not accept:
        return JSON
    best, weight = None, 0.0
    for part in accept.split(","):
        name, *parameters = (bit.strip().lower() for bit in part.split(";"))
        quality = _quality(parameters)
        if name in _RANGES and quality > weight:
            best, weight = _RANGES[name], quality
    if best is None:
        raise NotAcceptable
    return best


def refuse_cross_site(request: Request, origins: frozenset[str]) -> None:
    """Raises CrossSite for a GET that the page of a foreign site can cause without being asked."""
    if request.method != "GET" or request.headers.get("origin") in origins:
        return
    # Browsers say where a request comes from; other clients carry nobody's identity.
    if request.headers.get("sec-fetch-site") in {None, "same-origin", "none"}:
        return
    if any(name in request.headers for name in _PREFLIGHTED):
        return
    raise CrossSite


async def read(request: Request) -> Asked:
    """The operation of a request.

    Raises BadRequest, BodyTooLarge, UnsupportedMediaType.
    """
    if request.method == "GET":
        return asked_by_query(request.query_params)
    _must_be_json(request)
    return asked(from_json(await body_of(request)))


def status_of(media_type: str, status: int | None, *, started: bool) -> int:
    """The status of an answer: `started` tells that the operation was executed.

    A request error is 400, but for clients of application/json every well-formed request is 200.
    """
    if status is not None:
        return status
    return 200 if started or media_type != GRAPHQL else 400


def respond(
    body: dict[str, Any], status: int, media_type: str, headers: dict[str, str] | None = None
) -> Response:
    response = Response(orjson.dumps(body), status, headers)
    response.headers["Content-Type"] = f"{media_type}; charset=utf-8"
    # Who asks decides what is answered.
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _must_be_json(request: Request) -> None:
    name, *parameters = (
        bit.strip().lower() for bit in request.headers.get("content-type", "").split(";")
    )
    charsets = {p[8:].strip('"') for p in parameters if p.startswith("charset=")}
    if name != JSON or not charsets <= {"utf-8", "utf8"} or "content-encoding" in request.headers:
        raise UnsupportedMediaType


async def body_of(request: Request, most: int = MAX_BODY) -> bytes:
    """The body, while it is no larger than that. Raises BadRequest, BodyTooLarge."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit():
        raise BadRequest("Content-Length must be a number.")
    if len(announced) > len(str(most)) or int(announced) > most:
        raise BodyTooLarge(max=most)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise BodyTooLarge(max=most)
        chunks.append(chunk)
    return b"".join(chunks)
