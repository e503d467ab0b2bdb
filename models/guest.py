"""Customers without an account, for whom some systems send one placeholder as their id."""

import hashlib

_PLACEHOLDERS = {"0", "guest", "none", "null", "anonymous"}
_LONGEST = 200


def is_placeholder(external_id: str) -> bool:
    """Whether an id, in upper or lower case, stands for "no account"."""
    return external_id.lower() in _PLACEHOLDERS


def guest_of(order: str) -> str:
    """The id of an order's customer without an account, made of the order's external id."""
    named = f"guest:{order}"
    if len(named) <= _LONGEST:
        return named
    return f"guest:{hashlib.sha256(order.encode()).hexdigest()}"
