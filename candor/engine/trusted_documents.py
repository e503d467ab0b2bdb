"""Documents known beforehand: the manifest of a front end's build, as its tool writes it."""

from pathlib import Path

from candor.engine.request import Asked
from candor.errors import (
    BadRequest,
    NotTrusted,
    PersistedQueryNotFound,
    PersistedQueryNotSupported,
)
from candor.settings.manifest import Mode, plain_id, read_manifest


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
        known = self._texts.get(plain_id(asked.document_id)) if asked.document_id else None
        if asked.text is None:
            if known is not None:
                return known
            raise PersistedQueryNotSupported if self._mode == "off" else PersistedQueryNotFound
        if self._mode == "only" and asked.text not in self._trusted:
            raise NotTrusted
        if known is not None and known != asked.text:
            raise BadRequest("The document id belongs to another document.")
        return asked.text
