"""Opaque ids of the API: the type and the key of a node, in 23 characters of base64url."""

from uuid import UUID

from models import base64url

# One letter per type, never changed: clients store ids.
LETTERS = {
    "MailDelivery": b"M",
    "Note": b"K",
    "Notification": b"N",
    "Order": b"O",
    "OrderUpdate": b"U",
    "Review": b"R",
    "Service": b"S",
    "TeamMember": b"T",
    "TrackingEvent": b"E",
    "Vendor": b"V",
}


def public_id(type_name: str, key: UUID) -> str:
    return base64url.encode(LETTERS[type_name] + key.bytes)
