"""Sentences of notifications, in a language of the mails."""

from mailers.catalogue import MESSAGES
from mailers.letters.translations import gettext


def message(kind: str, language: str) -> str:
    """What a notification of this kind tells, for who reads it."""
    return gettext(language, MESSAGES[kind])
