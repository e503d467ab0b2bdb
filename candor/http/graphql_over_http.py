"""GraphQL over HTTP: what is accepted, what is answered, and with which status."""

from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope, Send

from candor.callers.body_limits import MAX_BODY
from candor.engine.request import Asked, asked, asked_by_query, from_json
from candor.errors import (
    BadRequest,
    BodyTooLarge,
    CrossSite,
    MethodNotAllowed,
    NotAcceptable,
    UnsupportedMediaType,
)
from candor.http.origins import PREFLIGHTED, Origins

# Where the server finds how large the body of this request may be.
MOST = "candor.most"
# What is no longer than the longest of texts is read for nothing; else all of it is paid for.
SHORT, OCTETS_A_POINT = 25_000, 1_000
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
    """A request, with what is asked of nearly every one at hand.

    Of two headers of a name, the first counts.
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


class Reply(NamedTuple):
    """What is sent back, ready for the wire."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status, "headers": self.headers}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})


def heeding(send: Send) -> Send:
    """The same, but raises ClientDisconnect when the client has left: servers raise an OSError."""

    async def sent(message: Message) -> None:
        try:
            await send(message)
        except OSError:
            raise ClientDisconnect from None

    return sent


def must_be_get_or_post(request: Incoming) -> None:
    """Raises MethodNotAllowed."""
    if request.method not in {"GET", "POST"}:
        raise MethodNotAllowed(headers={"Allow": "GET, POST"})


@lru_cache(200)
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


def refuse_cross_site(request: Incoming, origins: Origins) -> None:
    """Raises CrossSite for a GET that the page of a foreign site can cause without being asked."""
    if request.method != "GET" or request.headers.get("origin") in origins:
        return
    # Browsers say where a request comes from; other clients carry nobody's identity.
    if request.headers.get("sec-fetch-site") in {None, "same-origin", "none"}:
        return
    if any(name in request.headers for name in _PREFLIGHTED):
        return
    raise CrossSite


async def read(
    request: Incoming, pay: Callable[[int], Awaitable[None]], most: int = MAX_BODY
) -> Asked:
    """The operation of a request. What is long is paid for before it is read.

    Raises BadRequest, BodyTooLarge, UnsupportedMediaType, and what `pay` raises.
    """
    if request.method == "GET":
        return asked_by_query(request.query_params)
    _must_be_json(request)
    request.scope[MOST] = most
    octets = await body_of(request, most)
    if len(octets) > SHORT:
        await pay(len(octets) // OCTETS_A_POINT)
    return asked(from_json(octets))


def status_of(media_type: str, status: int | None, *, started: bool) -> int:
    """The status of an answer: `started` tells that the operation was executed.

    A request error is 400, but for clients of application/json every well-formed request is 200.
    """
    if status is not None:
        return status
    return 200 if started or media_type != GRAPHQL else 400


def respond(
    body: dict[str, Any], status: int, media_type: str, headers: dict[str, str] | None = None
) -> Reply:
    octets = orjson.dumps(body)
    sent = [*_HEADERS[media_type], (b"content-length", b"%d" % len(octets))]
    for name, value in (headers or {}).items():
        sent.append((name.lower().encode(), value.encode("latin-1")))
    return Reply(status, sent, octets)


_HEADERS = {
    media_type: [
        (b"content-type", f"{media_type}; charset=utf-8".encode()),
        # Who asks decides what is answered.
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


def _must_be_json(request: Incoming) -> None:
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
    """The body, while it is no larger than that.

    Raises BadRequest, BodyTooLarge, ClientDisconnect.
    """
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit():
        raise BadRequest("Content-Length must be a number.")
    if len(announced) > len(str(most)) or int(announced) > most:
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
