"""Instants in input, validated where they are used: one bad row must not fail the whole list."""

from dataclasses import dataclass
from datetime import UTC, datetime

from resolvers.errors import Invalid


@dataclass(frozen=True)
class Unreadable:
    """A text given instead of an instant."""

    text: str


Moment = datetime | Unreadable


def moment(value: Moment | None, *field: str) -> datetime | None:
    """The instant in UTC, or None. Raises Invalid if it cannot be read or has no UTC offset."""
    if value is None:
        return None
    if isinstance(value, Unreadable) or value.tzinfo is None:
        raise Invalid(
            *field, message="Give a date and time with an offset, such as 2026-01-31T12:00:00Z."
        )
    return value.astimezone(UTC)
