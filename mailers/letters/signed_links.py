"""Signed links: a token for one subject, one purpose and a limited time, without a login.

A token is 46 bytes, 62 characters: version, purpose, subject, the order's link version, a number
(which solve of an update, or which category), the expiry in seconds, and a MAC of 128 bits.
"""

import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from uuid import UUID

from models import base64url, clock

_LAYOUT = struct.Struct(">BB16sHHQ")
_MAC_OCTETS = 16
_VERSION = 1
# The number of characters of a token, by its version.
_LENGTHS = {_VERSION: len(base64url.encode(bytes(_LAYOUT.size + _MAC_OCTETS)))}


class Purpose(Enum):
    REVIEW = 1
    RATE_UPDATE = 2
    UNSUBSCRIBE = 3


class BadLink(Exception):
    """The link is not valid."""


class ForgedLink(BadLink):
    """The link is damaged, or was not made here."""


class ForeignLink(BadLink):
    """The link is for something else."""


class ExpiredLink(BadLink):
    """The link has expired."""


@dataclass(frozen=True)
class Claim:
    """What a token says. The reader must compare `version` with the order's link version."""

    purpose: Purpose
    # An order, an update, or 128 bits of a recipient's hash.
    subject: UUID
    version: int = 0
    number: int = 0
    expires_at: datetime | None = None


def sign(secret: str, claim: Claim) -> str:
    """The token of a claim: letters, digits, `-` and `_`."""
    seconds = int(claim.expires_at.timestamp()) if claim.expires_at else 0
    octets = _LAYOUT.pack(
        _VERSION, claim.purpose.value, claim.subject.bytes, claim.version, claim.number, seconds
    )
    return base64url.encode(octets + _mac(secret, octets))


def cut(text: str) -> str | None:
    """The token at the start of a text, without what mail programs append to links.

    None if the text does not begin like a token, or is shorter than one.
    """
    try:
        version = base64url.decode(text[:4])[0]
    except (ValueError, IndexError):
        return None
    length = _LENGTHS.get(version)
    return text[:length] if length is not None and len(text) >= length else None


def read(secret: str, text: str, *purposes: Purpose, previous: str | None = None) -> Claim:
    """The claim of a token that was signed by `secret` or `previous` for one of these purposes.

    Raises ForgedLink, ForeignLink or ExpiredLink.
    """
    octets = _octets(text)
    if not any(_is_signed(each, octets) for each in (secret, previous) if each is not None):
        raise ForgedLink
    _, purpose, subject, version, number, seconds = _LAYOUT.unpack_from(octets)
    if purpose not in {allowed.value for allowed in purposes}:
        raise ForeignLink
    expires_at = datetime.fromtimestamp(seconds, UTC) if seconds else None
    if expires_at is not None and expires_at <= clock.now():
        raise ExpiredLink
    return Claim(Purpose(purpose), UUID(bytes=subject), version, number, expires_at)


def _octets(text: str) -> bytes:
    token = cut(text)
    if token is None:
        raise ForgedLink
    try:
        octets = base64url.decode(token)
    except ValueError as error:
        raise ForgedLink from error
    if base64url.encode(octets) != token:
        raise ForgedLink
    return octets


def _is_signed(secret: str, octets: bytes) -> bool:
    mac = _mac(secret, octets[: _LAYOUT.size])
    return hmac.compare_digest(octets[_LAYOUT.size :], mac)


def _mac(secret: str, octets: bytes) -> bytes:
    return hmac.digest(secret.encode(), b"link:" + octets, "sha256")[:_MAC_OCTETS]
