"""Texts as they are searched and sorted: equal on both databases, and as people type them."""

import re
import unicodedata

# Characters that nobody sees, so nobody types them when searching: soft hyphens, joiners, bidi
# marks, word joiners, variation selectors, tags of flags.
INVISIBLE = (
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e01ef"
)
# What İ becomes in lower case, beside its i, and what Turkish has in place of an i. A phone with
# another language's keyboard has neither.
_DOT, _DOTLESS = "\u0307", "\u0131"
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
# Texts without any of these were folded the same by all versions, as a class of characters.
FOLDED_ANEW = f"{INVISIBLE}{_DOT}{_DOTLESS}"


def fold(text: str) -> str:
    """The text without regard to case, width, ligatures, invisible characters and dots of an i."""
    if text.isascii():
        return text.lower()
    visible = _INVISIBLE.sub("", text)
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return folded.replace(f"i{_DOT}", "i").replace(_DOTLESS, "i")
