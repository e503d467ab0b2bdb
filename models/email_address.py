"""Validation of e-mail addresses: one mailbox, in the form that SMTP needs."""

import re

from models.host_name import a_labels

_JOINERS = {"\u200c", "\u200d"}
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label is not a number, since an IP address is not a domain.
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?![0-9]+\Z){_LABEL}")
_LONGEST_LOCAL, _LONGEST_DOMAIN, _LONGEST = 64, 253, 254


def normalised(address: str) -> str:
    """The address with its domain in lower case and in A-labels; the local part is unchanged.

    Raises ValueError with a sentence for the person who typed it.
    """
    address = address.strip(" ")
    # Some scripts spell names with joiners; IDNA refuses them everywhere else.
    if not address.isprintable() and any(
        not character.isprintable() for character in address if character not in _JOINERS
    ):
        raise ValueError("The address has a line break or another invisible character.")
    if re.search(r"[\s,;<>()\[\]\"\\]", address):
        raise ValueError("The address must be one bare address, without a name or a comment.")
    if address.count("@") != 1:
        raise ValueError("The address must have one @.")
    local, _, domain = address.partition("@")
    if not local.isascii():
        raise ValueError("Letters outside ASCII before the @ are not supported.")
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL:
        raise ValueError("The part before the @ is not valid.")
    plain = f"{local}@{_domain(domain)}"
    if len(plain) > _LONGEST:
        raise ValueError("The address is too long.")
    return plain


def _domain(typed: str) -> str:
    try:
        domain = a_labels(typed)
    except ValueError:
        domain = ""
    if not _DOMAIN.fullmatch(domain) or len(domain) > _LONGEST_DOMAIN:
        raise ValueError("The part after the @ is not a domain name.")
    return domain
