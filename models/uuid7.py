"""UUIDv7 (RFC 9562): keys that sort by the time of their making. Python has it from 3.14 on."""

import os
import time
from uuid import UUID


def uuid7() -> UUID:
    """A new key: 48 bits of milliseconds since 1970, then 74 random bits."""
    octets = bytearray(os.urandom(16))
    octets[0:6] = (time.time_ns() // 1_000_000).to_bytes(6, "big")
    octets[6] = (octets[6] & 0x0F) | 0x70
    octets[8] = (octets[8] & 0x3F) | 0x80
    return UUID(bytes=bytes(octets))
