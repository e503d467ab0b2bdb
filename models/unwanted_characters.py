"""Characters removed from every stored text: they could end a line or change text direction."""

import re

# Control characters except tab and line feed, line and paragraph separators, bidi marks,
# embeddings, overrides and isolates, the byte order mark, lone surrogates.
_UNWANTED = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
    r"\ud800-\udfff]"
)


def removed(text: str) -> str:
    """The text without them. To keep one as a line break, replace it before."""
    return _UNWANTED.sub("", text)
