"""Texts that an admin writes: plain words with a few {tokens}, never a template language.

A token is replaced once, so a site whose name is `{site_url}` stays just that.
"""

import re
from collections.abc import Mapping

TOKENS = frozenset({"site_name", "site_url"})

_TOKEN = re.compile(r"\{(\w+)\}")


def check(text: str) -> None:
    """Raises ValueError when the text has a token that nobody fills."""
    if strange := set(_TOKEN.findall(text)) - TOKENS:
        known = ", ".join(f"{{{name}}}" for name in sorted(TOKENS))
        raise ValueError(f"The text knows no {{{min(strange)}}}, only {known}.")


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with each known token replaced by its value; whatever else is in braces stays."""
    return _TOKEN.sub(lambda found: values.get(found[1], found[0]), text)
