"""Trusted documents: those in the manifest that a front end's build tool wrote."""

from pathlib import Path

from candor.engine.request import GraphQLRequest
from candor.errors import (
    BadRequest,
    NotTrusted,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
)
from candor.settings.manifest import Mode, plain_id, read_manifest


class TrustedDocuments:
    """The documents that may be requested by id. In the mode "only", no others are executed."""

    def __init__(self, mode: Mode, manifest: Path | None) -> None:
        self._mode = mode
        self._texts = read_manifest(manifest) if manifest is not None else {}
        self._trusted = frozenset(self._texts.values())

    def text_of(self, request: GraphQLRequest) -> str:
        """The text to execute.

        Raises PersistedQueryNotSupported (mode off), PersistedQueryNotFound, NotTrusted,
        BadRequest.
        """
        trusted = self._texts.get(plain_id(request.document_id)) if request.document_id else None
        if request.text is None:
            if trusted is not None:
                return trusted
            raise PersistedQueryNotSupported if self._mode == "off" else PersistedQueryNotFound
        if self._mode == "only" and request.text not in self._trusted:
            raise NotTrusted
        if trusted is not None and trusted != request.text:
            raise BadRequest("The document id belongs to another document.")
        return request.text
