"""Parses submitted forms, of a size that a person could have typed."""

import email
import re
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request

from candor.errors import BadRequest, UnsupportedMediaType
from candor.http.graphql_over_http import body_of

# 20,000 characters of four octets each, percent-encoded, with some to spare.
MAX_FORM = 300_000
_MAX_FIELDS = 50
# The one click of a mail program (RFC 8058). It is short, even as multipart.
ONE_CLICK = ("List-Unsubscribe", "One-Click")
_CLICK, _MAX_CLICK = tuple(word.lower() for word in ONE_CLICK), 2_000
_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class Form:
    """The submitted fields; a missing one is empty."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """The first value of a field."""
        return next((value for each, value in self._fields if each == name), "")

    def texts(self, name: str) -> set[str]:
        return {value for each, value in self._fields if each == name}

    def whole(self, name: str) -> int:
        """A whole number; 0, which no field accepts, for anything else."""
        text = self.text(name).strip()
        return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text, re.ASCII) else 0

    def maybe_whole(self, name: str) -> int | None:
        """The same, but None for an empty field."""
        return self.whole(name) if self.text(name).strip() else None


async def read(request: Request) -> Form:
    """The form of a POST. Raises BadRequest, BodyTooLarge, UnsupportedMediaType."""
    _type_of(request)
    return _form(request, await body_of(request, MAX_FORM))


async def read_click(request: Request) -> Form:
    """The form of a POST, or the one click of a mail program (RFC 8058).

    Mail programs send it in many ways: as either kind of form, as neither, or with an empty body.
    All count, because the person believes to be unsubscribed. Raises as `read` does.
    """
    octets = await body_of(request, MAX_FORM)
    return Form([ONE_CLICK]) if _is_click(octets) else _form(request, octets)


def _is_click(octets: bytes) -> bool:
    if len(octets) > _MAX_CLICK:
        return False
    text = unquote_plus(octets.decode("latin-1")).strip().lower()
    return not text or all(word in text for word in _CLICK)


def _type_of(request: Request) -> str:
    name = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if name not in {_URLENCODED, _MULTIPART} or "content-encoding" in request.headers:
        raise UnsupportedMediaType("Send a form.")
    return name


def _form(request: Request, octets: bytes) -> Form:
    name, content_type = _type_of(request), request.headers["content-type"]
    try:
        if name == _MULTIPART:
            return Form(_parts(content_type, octets))
        text = octets.decode()
        return Form(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise BadRequest("This is no form.") from None


def _parts(content_type: str, octets: bytes) -> list[tuple[str, str]]:
    """The fields of multipart/form-data, which mail programs prefer for the one click."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii")
    parts: Any = email.message_from_bytes(head + octets).get_payload()
    if not isinstance(parts, list) or len(parts) > _MAX_FIELDS:
        raise ValueError
    fields = []
    for part in parts:
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields.append((name, content.decode()))
    return fields
