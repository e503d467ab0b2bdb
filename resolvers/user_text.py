"""Text as people type it: stored without what nobody sees, measured by what everybody sees."""

import re
import unicodedata

from models import unwanted_characters
from resolvers.errors import BodyTooLong, BodyTooShort, Invalid

BODY_MIN, BODY_MAX = 10, 20_000
MAX_ID = 200
# Letters, symbols and marks that show nothing: fillers, the blank of Braille, variation selectors.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_LINE_BREAK = re.compile(r"\r\n?|[\u2028\u2029]")
_WHITE = re.compile(r"\s+")


def plain(text: str) -> str:
    """The text without control and bidi characters and lone surrogates, and trimmed.

    All line breaks become newlines. Joiners stay: emoji and several scripts are spelled with them.
    """
    return unwanted_characters.removed(_LINE_BREAK.sub("\n", text)).strip()


def line(text: str) -> str:
    """Plain text on one line, for names and titles."""
    return unwanted_characters.removed(_WHITE.sub(" ", text)).strip()


def title(text: str, *field: str, at_most: int) -> str:
    """A title: plain text on one line, of which something can be seen. Raises Invalid."""
    cleaned = line(text)
    if len(cleaned) > at_most or not visible_length(cleaned):
        raise Invalid(*field, message=f"A title has 1 to {at_most} characters.")
    return cleaned


def body(text: str, *field: str, at_least: int = BODY_MIN, at_most: int = BODY_MAX) -> str:
    """A plain text whose length is checked. Characters that nobody sees do not count.

    Raises BodyTooShort, BodyTooLong.
    """
    cleaned = plain(text)
    length = visible_length(cleaned)
    if length < at_least:
        raise BodyTooShort(*field, message=f"Write at least {_characters(at_least)}.")
    if is_too_long(cleaned, at_most):
        raise BodyTooLong(*field, message=f"Write at most {_characters(at_most)}.")
    return cleaned


def is_too_long(cleaned: str, at_most: int = BODY_MAX) -> bool:
    """Whether there is too much to see, or far too much that is not seen but stored."""
    if len(cleaned) <= at_most:
        return False
    return visible_length(cleaned) > at_most or len(cleaned) > 2 * at_most


def optional_body(text: str | None, *field: str) -> str | None:
    """A plain text that need not be: None when it says nothing. Raises BodyTooLong."""
    cleaned = plain(text or "")
    return body(cleaned, *field, at_least=1) if visible_length(cleaned) else None


def visible_length(text: str) -> int:
    """Characters of the text without those that show nothing (formats, controls, fillers)."""
    if text.isascii():
        return len(text) - text.count("\n") - text.count("\t")
    shown = _BLANK.sub("", text)
    hidden = [each for each in set(shown) if unicodedata.category(each) in {"Cf", "Cc"}]
    return len(shown) - sum(map(shown.count, hidden))


def identifier(text: str, *field: str) -> str:
    """An id that the marketplace gave: never altered, only refused.

    Raises Invalid for one that is empty, too long, padded or unprintable.
    """
    if not is_identifier(text):
        raise Invalid(
            *field,
            message=f"An id has 1 to {MAX_ID} printable characters and no blanks around it.",
        )
    return text


def is_identifier(text: str) -> bool:
    return bool(text) and len(text) <= MAX_ID and text == text.strip() and text.isprintable()


def fold(text: str) -> str:
    """The text as searches and sorted lists compare it, the same on both databases."""
    return unicodedata.normalize("NFKC", text).casefold()


def _characters(number: int) -> str:
    return "1 character" if number == 1 else f"{number:,} characters"
