"""The languages of the mails: English as written in the templates, others from .po files.

The catalogues are read once. A text without a translation stays English.
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
    """Every language that a mail can be written in, the source first."""
    return (SOURCE, *sorted(path.stem for path in _FOLDER.glob("*.po")))


def spoken(locale: str | None) -> str:
    """The language for somebody of a locale (`de-AT`, `de_AT`, `de`); English when we lack it."""
    return nearest(locale or "") or SOURCE


@lru_cache(maxsize=1024)
def nearest(locale: str) -> str | None:
    """The language that we have for a locale in any spelling, without its last subtags; or None."""
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
    """The text in a language, by the catalogue of a folder: the mails' own, or the pages'."""
    return _catalogue(language, folder).get(text, text)


def ngettext(language: str, one: str, many: str, number: int, folder: Path = _FOLDER) -> str:
    """English and German agree: one, and everything else."""
    return gettext(language, one if number == 1 else many, folder)


@cache
def _catalogue(language: str, folder: Path = _FOLDER) -> dict[str, str]:
    if language == SOURCE:
        return {}
    with (folder / f"{language}.po").open("rb") as file:
        messages = read_po(file, locale=language)
    return {str(m.id): str(m.string) for m in messages if m.id and m.string and not m.fuzzy}
