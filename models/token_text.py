"""Texts that an admin writes: plain text with a few {tokens}, not a template language.

Tokens are replaced in one pass, so a site may even be named `{site_url}`.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

# The tokens of texts that are sent and shared.
TOKENS = frozenset({"site_name", "site_url"})

_TOKEN = re.compile(r"\{([^{}]*)\}")


def tokens_in(text: str) -> set[str]:
    return set(_TOKEN.findall(text))


def checked(text: str, known: AbstractSet[str] = TOKENS) -> str:
    """The text. Raises ValueError with a sentence if it has an unknown token."""
    if unknown := tokens_in(text) - known:
        names = ", ".join(f"{{{name}}}" for name in sorted(known))
        raise ValueError(f"There is no {{{min(unknown)}}}, only {names}.")
    return text


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each known token replaced by its value; other braces stay."""
    return _TOKEN.sub(lambda match: values.get(match[1], match[0]), text)
