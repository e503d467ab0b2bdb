"""Validation of web addresses, with or without {tokens} in them."""

from collections.abc import Set as AbstractSet
from urllib.parse import urlsplit

from models import token_text
from models.host_name import a_labels

_LONGEST = 2000


def checked(url: str) -> str:
    """The absolute http or https address, with its host in A-labels and the rest as typed.

    With A-labels even old mail programs open the right host. Raises ValueError with a sentence.
    """
    try:
        parts = urlsplit(url)
        absolute = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        absolute = False
    address = in_a_labels(url) if absolute else ""
    if not address or not address.isprintable() or " " in address or len(address) > _LONGEST:
        raise ValueError("Give an address that begins with http:// or https://.")
    return address


def in_a_labels(url: str) -> str:
    """The address with its host in A-labels. Raises ValueError for an impossible host."""
    typed = urlsplit(url).netloc
    user, at, location = typed.rpartition("@")
    host, colon, port = location.partition(":")
    if host.isascii() and "xn--" not in host.lower():
        return url
    return url.replace(typed, f"{user}{at}{a_labels(host)}{colon}{port}", 1)


def checked_place(template: str, known: AbstractSet[str]) -> str:
    """The address, which may hold the known tokens. Raises ValueError with a sentence."""
    return token_text.checked(checked(template), known)


def checked_template(template: str, known: AbstractSet[str]) -> str:
    """The address, which must hold {token}, and may hold the known tokens.

    Raises ValueError with a sentence.
    """
    address = checked(template)
    if "token" not in token_text.tokens_in(address):
        raise ValueError("The address must hold {token}.")
    return token_text.checked(address, {"token", *known})
