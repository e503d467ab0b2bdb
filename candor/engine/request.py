"""What a client asks for, checked for its shape alone."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from candor.errors import BadRequest

# Lists and objects: five hundred orders have three thousand.
MAX_NESTING, MAX_CONTAINERS = 64, 10_000
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)

_TYPES: dict[str, type] = {
    **dict.fromkeys(("query", "operationName", "documentId", "doc_id", "id"), str),
    **dict.fromkeys(("variables", "extensions"), dict),
}


class Asked(NamedTuple):
    """One operation as a client sent it: its text, or the id of a trusted document, or both."""

    text: str | None
    document_id: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def from_json(octets: bytes | str) -> Any:
    """The value of a JSON text. Raises BadRequest, also for what takes long to read."""
    given = octets if isinstance(octets, bytes) else octets.encode()
    opened = _opened(given)
    if opened > MAX_CONTAINERS and _opened(_STRING.sub(b"", given)) > MAX_CONTAINERS:
        raise BadRequest("The JSON holds too many lists and objects.")
    try:
        value = orjson.loads(octets)
    except orjson.JSONDecodeError as error:
        if "depth" in str(error):
            raise BadRequest("The JSON is nested too deeply.") from None
        raise BadRequest("The body must be JSON in UTF-8.") from None
    if opened > MAX_NESTING:
        _must_be_flat(value)
    return value


def _opened(octets: bytes) -> int:
    return octets.count(b"[") + octets.count(b"{")


def asked(value: Any) -> Asked:
    """The operation in a JSON object of GraphQL over HTTP. Raises BadRequest."""
    if isinstance(value, list):
        raise BadRequest("Batches are not supported: send one operation per request.")
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    for name, given in value.items():
        expected = _TYPES.get(name)
        if expected is not None and given is not None and not isinstance(given, expected):
            kind = "a string" if expected is str else "a JSON object"
            raise BadRequest(f"`{name}` must be {kind} or null.")
    find = value.get
    text, document_id = find("query") or None, _document_id(value)
    if text is None and document_id is None:
        raise BadRequest("The request must have a `query`: a string that is not empty.")
    return Asked(text, document_id, find("variables"), find("operationName") or None)


def asked_by_query(params: Mapping[str, str]) -> Asked:
    """The operation in the parameters of a GET. Raises BadRequest."""
    value: dict[str, Any] = {name: given for name, given in params.items() if given}
    for name in ("variables", "extensions"):
        if name in value:
            value[name] = from_json(value[name])
    return asked(value)


def _document_id(value: dict[str, Any]) -> str | None:
    """The id of a persisted document as the specification, Relay or Apollo spell it."""
    found: str | None = value.get("documentId") or value.get("doc_id") or value.get("id")
    if found:
        return found
    persisted = (value.get("extensions") or {}).get("persistedQuery")
    if persisted is None:
        return None
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(digest, str):
        raise BadRequest("`extensions.persistedQuery` must have a `sha256Hash`.")
    return digest


def _must_be_flat(value: Any) -> None:
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
