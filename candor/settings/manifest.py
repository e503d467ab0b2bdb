"""Reads the manifest of trusted documents that Relay, Apollo or GraphQL Codegen write."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

Mode = Literal["off", "prefer", "only"]


class BadManifest(Exception):
    """The manifest of trusted documents is not what Relay, Apollo or GraphQL Codegen write."""


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a manifest by their ids. Raises BadManifest."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadManifest from error
    documents = _apollo(content["operations"]) if _is_apollo(content) else content
    if not isinstance(documents, dict) or not all(
        isinstance(text, str) for text in documents.values()
    ):
        raise BadManifest
    # Clients that follow the specification send the document's hash, whatever id the tool chose.
    hashes = {sha256(text.encode()).hexdigest(): text for text in documents.values()}
    return hashes | {plain_id(name): text for name, text in documents.items()}


def _is_apollo(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("operations"), list)


def _apollo(operations: list[Any]) -> dict[str, str]:
    try:
        return {operation["id"]: operation["body"] for operation in operations}
    except (KeyError, TypeError) as error:
        raise BadManifest from error


def plain_id(document_id: str) -> str:
    """The id without the prefix that some clients write."""
    return document_id.removeprefix("sha256:")
