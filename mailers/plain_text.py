"""Text of strangers on its way into a mail: without control characters, short enough, quoted."""

import re

# Control characters but line feed and tab, line and paragraph separators, bidi marks, overrides
# and isolates, the byte order mark, lone surrogates.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\x00-\x20\x85\u2028\u2029]+")
_LONGEST_QUOTE = 600


def harmless(text: str) -> str:
    """The text without what could turn the direction of its surroundings or end a line."""
    if text.isprintable():  # as most are; none of the harmful characters is
        return text
    return _HARMFUL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


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
