"""Instants that callers give: read where they are used, so that a bad row spoils no good one."""

from dataclasses import dataclass
from datetime import UTC, datetime

from resolvers.errors import Invalid


@dataclass(frozen=True)
class Unreadable:
    """A text in the place of an instant."""

    text: str


Moment = datetime | Unreadable


def moment(value: Moment | None, *field: str) -> datetime | None:
    """The instant in UTC, or None. Raises Invalid for one without an offset, or none at all."""
    if value is None:
        return None
    if isinstance(value, Unreadable) or value.tzinfo is None:
        raise Invalid(
            *field, message="Give a date and time with an offset, such as 2026-01-31T12:00:00Z."
        )
    return value.astimezone(UTC)
