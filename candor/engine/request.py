"""GraphQL requests: parsed from JSON or a URL, and checked for their shape only."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from candor.errors import BadRequest

# At most this many lists and objects: a feed of 500 orders has 3,000.
MAX_NESTING, MAX_CONTAINERS = 64, 10_000
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)

_TYPES: dict[str, type] = {
    **dict.fromkeys(("query", "operationName", "documentId", "doc_id", "id"), str),
    **dict.fromkeys(("variables", "extensions"), dict),
}


class GraphQLRequest(NamedTuple):
    """One operation as sent: its text, the id of a trusted document, or both."""

    text: str | None
    document_id: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def from_json(content: bytes | str) -> Any:
    """The value of a JSON text. Raises BadRequest, also for one that is costly to parse."""
    raw = content if isinstance(content, bytes) else content.encode()
    opened = _opened(raw)
    if opened > MAX_CONTAINERS and _opened(_STRING.sub(b"", raw)) > MAX_CONTAINERS:
        raise BadRequest("The JSON holds too many lists and objects.")
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        if "depth" in str(error):
            raise BadRequest("The JSON is nested too deeply.") from None
        raise BadRequest("The body must be JSON in UTF-8.") from None
    if opened > MAX_NESTING:
        _check_nesting(value)
    return value


def _opened(content: bytes) -> int:
    return content.count(b"[") + content.count(b"{")


def parse_request(value: Any) -> GraphQLRequest:
    """The request in a JSON object, as GraphQL over HTTP specifies it. Raises BadRequest."""
    if isinstance(value, list):
        raise BadRequest("Batches are not supported: send one operation per request.")
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    for name, member in value.items():
        expected = _TYPES.get(name)
        if expected is not None and member is not None and not isinstance(member, expected):
            kind = "a string" if expected is str else "a JSON object"
            raise BadRequest(f"`{name}` must be {kind} or null.")
    text, document_id = value.get("query") or None, _document_id(value)
    if text is None and document_id is None:
        raise BadRequest("The request must have a `query`: a string that is not empty.")
    return GraphQLRequest(
        text, document_id, value.get("variables"), value.get("operationName") or None
    )


def request_from_url(params: Mapping[str, str]) -> GraphQLRequest:
    """The request in the query parameters of a GET. Raises BadRequest."""
    value: dict[str, Any] = {name: text for name, text in params.items() if text}
    for name in ("variables", "extensions"):
        if name in value:
            value[name] = from_json(value[name])
    return parse_request(value)


def _document_id(value: dict[str, Any]) -> str | None:
    """The id of a persisted document as the specification, Relay or Apollo spell it."""
    document_id: str | None = value.get("documentId") or value.get("doc_id") or value.get("id")
    if document_id:
        return document_id
    persisted = (value.get("extensions") or {}).get("persistedQuery")
    if persisted is None:
        return None
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(digest, str):
        raise BadRequest("`extensions.persistedQuery` must have a `sha256Hash`.")
    return digest


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(MAX_NESTING):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
        if not below:
            return
        level = below
    raise BadRequest("The JSON is nested too deeply.")
