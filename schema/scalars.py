"""Dates and times as clients send and read them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import orjson
import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from resolvers.errors import Invalid


@dataclass(frozen=True)
class Unreadable:
    """A text that is no instant: refused where it is used, so that a bad row spoils no good one."""

    text: str


def moment(value: Any, *field: str) -> Any:
    """The instant that a client gave, in UTC, or None. Raises Invalid for one without an offset."""
    if value is None or value is strawberry.UNSET:
        return None
    if isinstance(value, Unreadable) or value.tzinfo is None:
        raise Invalid(
            *field, message="Give a date and time with an offset, such as 2026-01-31T12:00:00Z."
        )
    return value.astimezone(UTC)


def _parse_moment(value: object) -> datetime | Unreadable:
    if not isinstance(value, str):
        raise GraphQLError("A DateTime is a string such as 2026-01-31T12:00:00Z.")
    try:
        parsed = datetime.fromisoformat(value)
        return parsed if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return Unreadable(value)


def _parse_date(value: object) -> date:
    try:
        if isinstance(value, str) and len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError("A Date is a string such as 2026-01-31.")


def _answer_moment(value: datetime) -> str:
    # As isoformat() writes it, at a quarter of the time.
    moment = value if value.tzinfo is UTC else value.astimezone(UTC)
    return orjson.dumps(moment)[1:-1].decode()


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description=(
            "An instant, RFC 3339, always with an offset: `2026-01-31T12:00:00Z`."
            " Answered in UTC. One without an offset is refused."
        ),
        specified_by_url="https://scalars.graphql.org/andimarek/date-time",
        serialize=_answer_moment,
        parse_value=_parse_moment,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar in the site's time zone: `2026-01-31`.",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date",
        serialize=date.isoformat,
        parse_value=_parse_date,
    ),
}
