"""Texts that an admin writes: plain words with a few {tokens}, never a template language.

A token is replaced once, so a site whose name is `{site_url}` stays just that.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

# Of the texts that are sent and shared.
TOKENS = frozenset({"site_name", "site_url"})

_TOKEN = re.compile(r"\{([^{}]*)\}")


def tokens_in(text: str) -> set[str]:
    return set(_TOKEN.findall(text))


def checked(text: str, known: AbstractSet[str] = TOKENS) -> str:
    """The text. Raises ValueError when it has a token that nobody fills."""
    if strange := tokens_in(text) - known:
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ValueError(f"There is no {{{min(strange)}}}, only {names}.")
    return text


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each known token replaced by its value; whatever else is in braces stays."""
    return _TOKEN.sub(lambda found: values.get(found[1], found[0]), text)
