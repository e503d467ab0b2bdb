"""Buyers without an account: systems send one id for all of them, which names nobody."""

import hashlib

_PLACEHOLDERS = {"0", "guest", "none", "null", "anonymous"}
_LONGEST = 200


def is_placeholder(external_id: str) -> bool:
    """Whether an id stands for "no account", in upper or lower case."""
    return external_id.lower() in _PLACEHOLDERS


def guest_of(order: str) -> str:
    """The id of the buyer of an order (by its external id) whom nothing else names."""
    named = f"guest:{order}"
    if len(named) <= _LONGEST:
        return named
    return f"guest:{hashlib.sha256(order.encode()).hexdigest()}"
