"""Languages of the mails: English in the templates, others in .po files, which are read once.

A text without a translation stays English.
"""

from functools import cache, lru_cache
from pathlib import Path

from babel import Locale, UnknownLocaleError
from babel.messages.pofile import read_po

from models.language import language_tag

SOURCE = "en"
_FOLDER = Path(__file__).parent / "translations"


@cache
def languages() -> tuple[str, ...]:
    """All languages that we have, the source first."""
    return (SOURCE, *sorted(path.stem for path in _FOLDER.glob("*.po")))


def spoken(locale: str | None) -> str:
    """The language for a locale (`de-AT`, `de_AT`, `de`); English if we lack it."""
    return nearest(locale or "") or SOURCE


@lru_cache(maxsize=1024)
def nearest(locale: str) -> str | None:
    """Our language for a locale in any spelling, dropping subtags from the end; or None."""
    try:
        subtags = language_tag(locale).split("-")
    except ValueError:
        return None
    wider = ("_".join(subtags[:length]) for length in range(len(subtags), 0, -1))
    return next((language for language in wider if language in languages()), None)


def direction(language: str) -> str:
    try:
        return str(Locale.parse(language).text_direction)
    except (UnknownLocaleError, ValueError):
        return "ltr"


def gettext(language: str, text: str, folder: Path = _FOLDER) -> str:
    """The text in a language, from the .po files of a folder (mails or pages)."""
    return _catalogue(language, folder).get(text, text)


def ngettext(language: str, one: str, many: str, number: int, folder: Path = _FOLDER) -> str:
    """The singular or plural text. Right for English and German alone."""
    return gettext(language, one if number == 1 else many, folder)


@cache
def _catalogue(language: str, folder: Path = _FOLDER) -> dict[str, str]:
    if language == SOURCE:
        return {}
    with (folder / f"{language}.po").open("rb") as file:
        messages = read_po(file, locale=language)
    return {str(m.id): str(m.string) for m in messages if m.id and m.string and not m.fuzzy}
