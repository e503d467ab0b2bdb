"""Makes user texts fit for mails: strips control characters, shortens, quotes."""

import re

from models import unwanted_characters

_BREAKS = re.compile(r"[\x00-\x20\x85\u2028\u2029]+")
_MAX_QUOTE = 600


def harmless(text: str) -> str:
    """The text without control and bidi characters; line ends become LF."""
    if text.isprintable():  # fast path: no unwanted character is printable
        return text
    return unwanted_characters.removed(text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, max_length: int = 200) -> str:
    """The text on one line, cut with an ellipsis."""
    if not text.isprintable():
        text = harmless(_BREAKS.sub(" ", text))
    line = " ".join(text.split())
    return line if len(line) <= max_length else line[: max_length - 1].rstrip() + "…"


def excerpt(text: str, max_length: int = _MAX_QUOTE) -> str:
    """The beginning of the text, its lines kept, cut with an ellipsis."""
    text = re.sub(r"\n{3,}", "\n\n", harmless(text)).strip()
    return text if len(text) <= max_length else text[: max_length - 1].rstrip() + "…"


def quoted(text: str) -> str:
    """An excerpt for plain-text mails, each line after a `>`."""
    return "\n".join(f"> {line}".rstrip() for line in excerpt(text).split("\n"))
