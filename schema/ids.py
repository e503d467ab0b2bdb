"""Opaque ids of this API: the type and the key of a node, in 23 characters of base64url."""

from uuid import UUID

from models import base64url
from models.public_id import LETTERS
from models.public_id import public_id as encode
from resolvers.errors import Invalid

__all__ = ["LETTERS", "decode", "encode", "key_of"]

_TYPES = {letter: name for name, letter in LETTERS.items()}


def decode(id: str, *field: str) -> tuple[str, UUID]:
    """The type and key in an id. Raises Invalid for anything else."""
    try:
        octets = base64url.decode(id)
        type_name = _TYPES[octets[:1]]
        key = UUID(bytes=octets[1:])
    except (ValueError, KeyError):
        raise Invalid(*field, message="This is not an id of this API.") from None
    if encode(type_name, key) != id:
        raise Invalid(*field, message="This is not an id of this API.")
    return type_name, key


def key_of(type_name: str, id: str, *field: str) -> UUID:
    """The key in an id of one type. Raises Invalid, also for the id of another type."""
    actual, key = decode(id, *field)
    if actual != type_name:
        raise Invalid(*field, message=f"This is the id of another type: {actual}.")
    return key
