"""Logs: one line per event, as text or JSON, with the request's id and without personal data."""

import logging
import random
import re
import time
from contextvars import ContextVar
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from candor.masking import outline

log = logging.getLogger("candor.requests")
request_id: ContextVar[str] = ContextVar("request_id", default="-")

_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FIELDS = ("operation", "kind", "outcome", "cost", "milliseconds", "error_id", "status", "path")
# Tokens of links, JWTs, API keys, e-mail addresses.
_SECRETS = re.compile(
    r"(?<=/[ru]/)[^/\s]+|(?<=/unsubscribe/)[^/\s]+|eyJ[\w-]+\.[\w-]+\.[\w-]*|candor_[\w-]{16,}"
    r"|[^\s@\"'<>]+@[^\s@\"'<>]+"
)


def configure(*, json_lines: bool) -> None:
    """Send every log of this process to standard error, in one format."""
    # No line prints its source location or thread, so skip the lookup.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(_Json() if json_lines else _Text())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name != "uvicorn.access"
    # uvicorn's access log prints whole URLs, which contain tokens. RequestLog replaces it.
    logging.getLogger("uvicorn.access").disabled = True


def scrubbed(text: str) -> str:
    """The text without tokens and e-mail addresses."""
    return _SECRETS.sub("***", text)


class RequestLog:
    """Gives each request an id (the caller's own if it is well-formed) and logs its status."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            request_id.set(_new_id())
            await self._app(scope, receive, send)
            return
        own_id = _id_of(scope)
        request_id.set(own_id)
        began, status = time.perf_counter(), 499

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", own_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            # Operations are logged by the pipeline.
            ordinary = scope["path"] == "/graphql" and status == HTTPStatus.OK
            level = logging.DEBUG if ordinary else logging.INFO
            if log.isEnabledFor(level):
                milliseconds = round((time.perf_counter() - began) * 1000, 1)
                path = scrubbed(scope["path"])
                extra = {"status": status, "path": path, "milliseconds": milliseconds}
                log.log(level, "%s %s %s", scope["method"], path, status, extra=extra)


def _id_of(scope: Scope) -> str:
    """The id that the caller sent, if it is well-formed, else a new one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _GIVEN_ID.fullmatch(value.decode("latin-1")):
            return str(value.decode())
    return _new_id()


def _new_id() -> str:
    return f"{random.getrandbits(64):016x}"


def _event(record: logging.LogRecord) -> dict[str, Any]:
    event = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": scrubbed(record.getMessage()),
        "request_id": request_id.get(),
    }
    event |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
    if record.exc_info and record.exc_info[1]:
        event["exception"] = outline(record.exc_info[1])
    return event


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return orjson.dumps(_event(record), default=str).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = _event(record)
        line = f"{event['at'][11:19]} {event['level']:<7} {event['message']}"
        if "milliseconds" in event:
            line += f" ({event['milliseconds']} ms)"
        return f"{line}: {event['exception']}" if "exception" in event else line
