"""Clean and measure text that people type: invisible characters are removed or not counted."""

import re
import unicodedata

from models import unwanted_characters
from resolvers.errors import BodyTooLong, BodyTooShort, Invalid

BODY_MIN, BODY_MAX = 10, 20_000
MAX_ID = 200
# Letters, symbols and marks without a glyph: fillers, Braille blank, variation selectors.
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_LINE_BREAK = re.compile(r"\r\n?|[\u2028\u2029]")
_WHITE = re.compile(r"\s+")


def plain(text: str) -> str:
    """The text, trimmed, without control characters, bidi characters and lone surrogates.

    All line breaks become newlines. Joiners stay: emoji and several scripts need them.
    """
    return unwanted_characters.removed(_LINE_BREAK.sub("\n", text)).strip()


def line(text: str) -> str:
    """Plain text on one line, for names and titles."""
    return unwanted_characters.removed(_WHITE.sub(" ", text)).strip()


def title(text: str, *field: str, at_most: int) -> str:
    """Plain text on one line with at least one visible character. Raises Invalid."""
    cleaned = line(text)
    if len(cleaned) > at_most or not visible_length(cleaned):
        raise Invalid(*field, message=f"A title has 1 to {at_most} characters.")
    return cleaned


def body(text: str, *field: str, at_least: int = BODY_MIN, at_most: int = BODY_MAX) -> str:
    """Plain text of a valid length. Invisible characters do not count.

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
    """Whether the visible length is over the limit, or the stored length over twice the limit."""
    if len(cleaned) <= at_most:
        return False
    return visible_length(cleaned) > at_most or len(cleaned) > 2 * at_most


def optional_body(text: str | None, *field: str) -> str | None:
    """Plain text, or None if it has no visible character. Raises BodyTooLong."""
    cleaned = plain(text or "")
    return body(cleaned, *field, at_least=1) if visible_length(cleaned) else None


def visible_length(text: str) -> int:
    """The number of characters, without invisible ones (formats, controls, fillers)."""
    if text.isascii():
        return len(text) - text.count("\n") - text.count("\t")
    without_blanks = _BLANK.sub("", text)
    invisible = [each for each in set(without_blanks) if unicodedata.category(each) in {"Cf", "Cc"}]
    return len(without_blanks) - sum(without_blanks.count(each) for each in invisible)


def identifier(text: str, *field: str) -> str:
    """An external id, unchanged.

    Raises Invalid if it is empty, too long, padded or unprintable.
    """
    if not is_identifier(text):
        raise Invalid(
            *field,
            message=f"An id has 1 to {MAX_ID} printable characters and no blanks around it.",
        )
    return text


def is_identifier(text: str) -> bool:
    return bool(text) and len(text) <= MAX_ID and text == text.strip() and text.isprintable()


def _characters(number: int) -> str:
    return "1 character" if number == 1 else f"{number:,} characters"
