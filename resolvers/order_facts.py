"""What a row of the feed says, and whether it can be believed."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from models import OrderStatus, clock
from models.email_address import normalised
from resolvers import site_settings, text
from resolvers.errors import Invalid, UserError

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
CLOCK_SKEW = timedelta(minutes=5)
# A date before computers is a bug of the sender, and its local day may lie before the calendar.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Keep(Enum):
    """The row says nothing of it: what is known stays."""

    KEEP = "KEEP"


KEEP = Keep.KEEP


@dataclass(frozen=True)
class PersonFacts:
    external_id: str
    display_name: str
    email: str | None | Keep = KEEP
    locale: str | None | Keep = KEEP


@dataclass(frozen=True)
class ServiceFacts:
    external_id: str
    title: str
    url: str | None | Keep = KEEP


@dataclass(frozen=True)
class OrderFacts:
    """One order as the marketplace tells it. `undated`: nobody knows when it was completed.

    `unreadable`: what of it could not even be read, with paths from inside the row.
    """

    external_id: str
    status: OrderStatus
    customer: PersonFacts
    vendor: PersonFacts
    service: ServiceFacts
    completed_at: datetime | None = None
    reminders_allowed: bool = True
    undated: bool = False
    unreadable: tuple[UserError, ...] = ()


def checked(facts: OrderFacts, *path: str) -> tuple[OrderFacts, list[UserError]]:
    """The facts as they will be stored, and every reason why they cannot be."""
    errors: list[UserError] = list(facts.unreadable)
    for unreadable in errors:
        unreadable.field = [*path, *unreadable.field]

    def attempt(check: Callable[..., Any], value: Any, *field: str) -> Any:
        try:
            return check(value, *field)
        except UserError as error:
            error.field = [*path, *error.field]
            errors.append(error)
            return value

    facts = replace(
        facts,
        external_id=attempt(text.identifier, facts.external_id, "externalId"),
        completed_at=attempt(_past, facts.completed_at, "completedAt"),
        customer=_person(facts.customer, "customer", attempt, nameless=True),
        vendor=_person(facts.vendor, "vendor", attempt, nameless=False),
        service=ServiceFacts(
            attempt(text.identifier, facts.service.external_id, "service", "externalId"),
            attempt(_title, facts.service.title, "service", "title"),
            attempt(_url, facts.service.url, "service", "url"),
        ),
    )
    return facts, errors


def _person(
    person: PersonFacts, role: str, attempt: Callable[..., Any], *, nameless: bool
) -> PersonFacts:
    return PersonFacts(
        attempt(text.identifier, person.external_id, role, "externalId"),
        attempt(_name if not nameless else _any_name, person.display_name, role, "displayName"),
        attempt(_email, person.email, role, "email"),
        attempt(_locale, person.locale, role, "locale"),
    )


def _past(value: datetime | None, *field: str) -> datetime | None:
    if value is None:
        return None
    if value.tzinfo is None:
        raise Invalid(*field, message="A date and time needs an offset, such as Z or +02:00.")
    if value < EPOCH:
        raise Invalid(*field, message="An order cannot be completed before 1970.")
    if value > clock.now() + CLOCK_SKEW:
        raise Invalid(*field, message="An order cannot be completed in the future.")
    return value.astimezone(UTC)


def _any_name(value: str, *field: str) -> str:
    cleaned = text.line(value)
    if len(cleaned) > 200:
        raise Invalid(*field, message="A name has 200 characters at most.")
    return cleaned


def _name(value: str, *field: str) -> str:
    cleaned = _any_name(value, *field)
    if not cleaned:
        raise Invalid(*field, message="A vendor needs a name.")
    if _ADDRESS.fullmatch(cleaned):
        raise Invalid(*field, message="A vendor's name is public: it cannot be an e-mail address.")
    return cleaned


def _title(value: str, *field: str) -> str:
    cleaned = text.line(value)
    if not 1 <= len(cleaned) <= 300:
        raise Invalid(*field, message="A title has 1 to 300 characters.")
    return cleaned


def _email(value: str | None | Keep, *field: str) -> str | None | Keep:
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return normalised(value)
    except ValueError as error:
        raise Invalid(*field, message=str(error)) from None


def _locale(value: str | None | Keep, *field: str) -> str | None | Keep:
    if not isinstance(value, str):
        return value
    tag = value.strip().replace("_", "-")
    if not tag:
        return None
    if len(tag) > 35 or not tag.replace("-", "").isalnum() or not tag.isascii():
        raise Invalid(*field, message="Give a language tag such as en or de-AT.")
    return tag


def _url(value: str | None | Keep, *field: str) -> str | None | Keep:
    if not isinstance(value, str):
        return value
    try:
        return site_settings.url("url", value) if value else None
    except Invalid as error:
        error.field = list(field)
        raise
