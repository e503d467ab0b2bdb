"""GraphQL over HTTP: reads requests, negotiates media types, makes responses."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from candor.callers.body_limits import MAX_BODY
from candor.engine.request import GraphQLRequest, from_json, parse_request, request_from_url
from candor.errors import (
    BadRequest,
    BodyTooLarge,
    CrossSite,
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
)
from candor.http.origins import PREFLIGHTED, Origins

# The key in the ASGI scope that tells the server how large this request's body may be.
MAX_BODY_KEY = "candor.max_body"
# A body up to FREE_BYTES, the longest text, costs nothing. A longer one is paid for as a whole.
FREE_BYTES, BYTES_PER_POINT = 25_000, 1_000
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
_PREFLIGHTED = tuple(name.lower() for name in PREFLIGHTED)


class Incoming:
    """A request, with the parts that nearly every one needs read once.

    If a header is repeated, the first one counts.
    """

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.method: str = scope["method"]
        self.headers: Mapping[str, str] = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in reversed(scope["headers"])
        }

    @property
    def query_params(self) -> Mapping[str, str]:
        return QueryParams(self.scope["query_string"])


class HttpResponse(NamedTuple):
    """A complete response."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})


def raising_disconnect(send: Send) -> Send:
    """Wrap `send` so that it raises ClientDisconnect where servers raise an OSError."""

    async def wrapped(message: Message) -> None:
        try:
            await send(message)
        except OSError:
            raise ClientDisconnect from None

    return wrapped


def check_method(request: Incoming) -> None:
    """Raises MethodNotAllowed."""
    if request.method not in {"GET", "POST"}:
        raise MethodNotAllowed(headers={"Allow": "GET, POST"})


@lru_cache(200)
def negotiate(accept: str | None) -> str:
    """The media type of the response. Raises NotAcceptable."""
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


def refuse_cross_site(request: Incoming, origins: Origins) -> None:
    """Raises CrossSite for a GET that a page of another site can send without a preflight."""
    if request.method != "GET" or request.headers.get("origin") in origins:
        return
    # Browsers send this header. Other clients hold no user's credentials that a page could abuse.
    if request.headers.get("sec-fetch-site") in {None, "same-origin", "none"}:
        return
    if any(name in request.headers for name in _PREFLIGHTED):
        return
    raise CrossSite


async def read(
    request: Incoming, pay: Callable[[int], Awaitable[None]], most: int = MAX_BODY
) -> GraphQLRequest:
    """The GraphQL request in an HTTP request. A long body is paid for before it is parsed.

    Raises BadRequest, BodyTooLarge, UnsupportedMediaType, and what `pay` raises.
    """
    if request.method == "GET":
        return request_from_url(request.query_params)
    _check_content_type(request)
    request.scope[MAX_BODY_KEY] = most
    content = await body_of(request, most)
    if len(content) > FREE_BYTES:
        await pay(len(content) // BYTES_PER_POINT)
    return parse_request(from_json(content))


def status_of(media_type: str, status: int | None, *, started: bool) -> int:
    """The status of a response. `started`: the operation was executed.

    A request error is 400. Clients of application/json get 200 for every well-formed request, as
    GraphQL over HTTP specifies.
    """
    if status is not None:
        return status
    return 200 if started or media_type != GRAPHQL else 400


def respond(
    body: dict[str, Any], status: int, media_type: str, headers: dict[str, str] | None = None
) -> HttpResponse:
    content = orjson.dumps(body)
    lines = [*_HEADERS[media_type], (b"content-length", b"%d" % len(content))]
    for name, value in (headers or {}).items():
        lines.append((name.lower().encode(), value.encode("latin-1")))
    return HttpResponse(status, lines, content)


_HEADERS = {
    media_type: [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        # The response depends on the caller.
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    for media_type in (JSON, GRAPHQL)
}


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _check_content_type(request: Incoming) -> None:
    if not _is_json(request.headers.get("content-type", "")):
        raise UnsupportedMediaType
    if "content-encoding" in request.headers:
        raise UnsupportedMediaType


@lru_cache(200)
def _is_json(content_type: str) -> bool:
    name, *parameters = (bit.strip().lower() for bit in content_type.split(";"))
    charsets = {p[8:].strip('"') for p in parameters if p.startswith("charset=")}
    return name == JSON and charsets <= {"utf-8", "utf8"}


async def body_of(request: Incoming | Request, most: int = MAX_BODY) -> bytes:
    """The body, if it has no more than `most` bytes.

    Raises BadRequest, BodyTooLarge, ClientDisconnect.
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit():
        raise BadRequest("Content-Length must be a number.")
    if len(declared) > len(str(most)) or int(declared) > most:
        raise BodyTooLarge(max=most)
    parts, size, more = list[bytes](), 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > most:
            raise BodyTooLarge(max=most)
    return b"".join(parts)
