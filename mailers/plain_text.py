"""Text of strangers on its way into a mail: without control characters, short enough, quoted."""

import re

from models import unwanted_characters

_BREAKS = re.compile(r"[\x00-\x20\x85\u2028\u2029]+")
_LONGEST_QUOTE = 600


def harmless(text: str) -> str:
    """The text without what could turn the direction of its surroundings or end a line."""
    if text.isprintable():  # as most are; none of the unwanted characters is
        return text
    return unwanted_characters.removed(text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, longest: int = 200) -> str:
    """The text on one line, cut with an ellipsis."""
    if not text.isprintable():
        text = harmless(_BREAKS.sub(" ", text))
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def excerpt(text: str, longest: int = _LONGEST_QUOTE) -> str:
    """The beginning of a text of several lines, cut with an ellipsis."""
    text = re.sub(r"\n{3,}", "\n\n", harmless(text)).strip()
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """An excerpt for a mail of plain text: each line behind a `>`."""
    return "\n".join(f"> {line}".rstrip() for line in excerpt(text).split("\n"))
