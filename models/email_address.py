"""An e-mail address that any server takes, checked at the door: no mail fails on it later."""

import re

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})+\Z")


def normalised(address: str) -> str:
    """The address trimmed, its domain in ASCII. Raises ValueError with a sentence for a person.

    One plain mailbox: no display name, no comment, no second address.
    """
    local, at, domain = address.strip().rpartition("@")
    if at and not local.isascii():
        raise ValueError("Addresses with other than ASCII letters before the @ are not supported.")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        ascii_domain = ""
    plain = f"{local}@{ascii_domain}"
    if len(plain) > 254 or len(local) > 64 or not _ADDRESS.match(plain):
        raise ValueError("This is not an e-mail address.")
    return plain
