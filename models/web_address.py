"""What we take for a web address, with or without {tokens} in it."""

from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from models import token_text

_LONGEST = 2000


def check(url: str) -> None:
    """Refuse what is no absolute http or https address. Raises ValueError with a sentence."""
    try:
        parts = urlsplit(url)
        absolute = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        absolute = False
    if not absolute or not url.isprintable() or " " in url or len(url) > _LONGEST:
        raise ValueError("Give an address that begins with http:// or https://.")


def check_template(template: str, known: AbstractSet[str]) -> None:
    """Refuse an address without {token}, or with a token that is neither that nor known.

    Raises ValueError with a sentence.
    """
    check(template)
    if "token" not in token_text.tokens_in(template):
        raise ValueError("The address must hold {token}.")
    token_text.check(template, {"token", *known})
