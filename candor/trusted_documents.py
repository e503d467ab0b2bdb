"""Documents known beforehand: the manifest of a front end's build, as its tool writes it."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from candor.errors import (
    BadRequest,
    NotTrusted,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
)
from candor.requests import Asked

Mode = Literal["off", "prefer", "only"]


class BadManifest(Exception):
    """The manifest of trusted documents is not what Relay, Apollo or GraphQL Codegen write."""


class TrustedDocuments:
    """What may be asked for by an id, and in the mode "only" all that may be asked for at all."""

    def __init__(self, mode: Mode, manifest: Path | None) -> None:
        self._mode = mode
        self._texts = read_manifest(manifest) if manifest is not None else {}
        self._trusted = frozenset(self._texts.values())

    def text_of(self, asked: Asked) -> str:
        """The text to execute.

        Raises PersistedQueryNotSupported (mode off), PersistedQueryNotFound, NotTrusted,
        BadRequest.
        """
        known = self._texts.get(_plain(asked.document_id)) if asked.document_id else None
        if asked.text is None:
            if known is not None:
                return known
            raise PersistedQueryNotSupported if self._mode == "off" else PersistedQueryNotFound
        if self._mode == "only" and asked.text not in self._trusted:
            raise NotTrusted
        if known is not None and known != asked.text:
            raise BadRequest("The document id belongs to another document.")
        return asked.text


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a manifest by their ids. Raises BadManifest."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BadManifest from error
    found = _apollo(content["operations"]) if _is_apollo(content) else content
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise BadManifest
    # Clients of the specification name a document by its hash whatever the tool called it.
    hashes = {sha256(text.encode()).hexdigest(): text for text in found.values()}
    return hashes | {_plain(name): text for name, text in found.items()}


def _is_apollo(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("operations"), list)


def _apollo(operations: list[Any]) -> dict[str, str]:
    try:
        return {operation["id"]: operation["body"] for operation in operations}
    except (KeyError, TypeError) as error:
        raise BadManifest from error


def _plain(document_id: str) -> str:
    return document_id.removeprefix("sha256:")
