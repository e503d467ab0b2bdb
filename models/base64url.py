"""base64url without padding, for ids, cursors and links (RFC 4648, section 5)."""

import base64
import binascii

_SAFE = bytes.maketrans(b"+/", b"-_")


def encode(octets: bytes) -> str:
    return binascii.b2a_base64(octets, newline=False).translate(_SAFE).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Raises ValueError for text that is not base64url."""
    return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
