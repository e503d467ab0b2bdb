"""UUIDv7 (RFC 9562): keys that sort by creation time. The standard library has it from 3.14 on."""

import os
import time
from uuid import UUID

_LOWER = (1 << 62) - 1


def uuid7() -> UUID:
    """A new key: 48 bits of milliseconds since 1970, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    upper, lower = random >> 68, random & _LOWER
    return UUID(int=milliseconds << 80 | 7 << 76 | upper << 64 | 2 << 62 | lower)
