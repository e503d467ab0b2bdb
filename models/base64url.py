"""base64url without padding, as our ids, cursors and links are written (RFC 4648, section 5)."""

import base64
import binascii

_SAFE = bytes.maketrans(b"+/", b"-_")


def encode(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).translate(_SAFE).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ValueError for what is no base64url."""
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
