"""The content of a feed row, and its validation."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, NamedTuple

from models import OrderStatus, clock, guest
from models.email_address import normalised
from models.language import language_tag
from models.order import is_own_service
from resolvers import site_settings, user_text
from resolvers.errors import Invalid, Refusal
from resolvers.moments import Moment, moment

_ADDRESS = re.compile(r"\S@\S+\.\S")
MAX_NAME, MAX_TITLE = 200, 300
CLOCK_SKEW = timedelta(minutes=5)
# Earlier dates are bugs of the sender, and their local day may be outside Python's calendar.
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Keep(Enum):
    """The row does not mention this value: the stored one stays."""

    KEEP = "KEEP"


KEEP = Keep.KEEP


@dataclass(frozen=True)
class PersonFacts:
    external_id: str
    display_name: str | Keep
    email: str | None | Keep = KEEP
    locale: str | None | Keep = KEEP


@dataclass(frozen=True)
class ServiceFacts:
    external_id: str
    title: str
    url: str | None | Keep = KEEP


@dataclass(frozen=True)
class OrderFacts:
    """One order as the marketplace reports it. `undated`: its completion date is unknown.

    `hand_over`: a reviewed order may get another customer. Before `checked`, dates are as sent and
    may be Unreadable.
    """

    external_id: str
    status: OrderStatus
    customer: PersonFacts
    vendor: PersonFacts
    service: ServiceFacts
    completed_at: datetime | None = None
    updated_at: datetime | None = None
    reminders_allowed: bool = True
    hand_over: bool = False
    undated: bool = False

    @property
    def is_own_service(self) -> bool:
        return is_own_service(self.customer.external_id, self.vendor.external_id)


class Checked(NamedTuple):
    """The facts as they will be stored, errors that refuse the row, and values left out of it."""

    facts: OrderFacts
    errors: list[Refusal]
    warnings: list[Refusal]


def checked(facts: OrderFacts, *path: str) -> Checked:
    """The facts of a row, with everything that is wrong with it.

    Ids, dates and titles identify the order: a bad one is an error. Names, e-mail addresses,
    languages and URLs are decoration: a bad one is a warning, and the stored value stays.
    """
    checks = _Checks(path)
    order_id = checks.required(user_text.identifier, facts.external_id, "external_id")
    facts = replace(
        facts,
        external_id=order_id,
        completed_at=checks.required(_completion, facts.completed_at, "completed_at"),
        updated_at=checks.required(_change, facts.updated_at, "updated_at"),
        customer=_customer(facts.customer, order_id, checks),
        vendor=_person(facts.vendor, "vendor", _vendor_name, checks),
        service=ServiceFacts(
            checks.required(
                user_text.identifier, facts.service.external_id, "service", "external_id"
            ),
            checks.required(_title, facts.service.title, "service", "title"),
            checks.optional(_url, facts.service.url, "service", "url"),
        ),
    )
    return Checked(facts, checks.errors, checks.warnings)


class _Checks:
    """Collects the errors and warnings of a row."""

    def __init__(self, path: tuple[str, ...]) -> None:
        self._path = path
        self.errors: list[Refusal] = []
        self.warnings: list[Refusal] = []

    def required(self, check: Callable[..., Any], value: Any, *field: str) -> Any:
        """The cleaned value; a bad one refuses the row."""
        return self._check(check, value, field, self.errors)

    def optional(self, check: Callable[..., Any], value: Any, *field: str) -> Any:
        """The cleaned value; a bad one counts as left out."""
        return self._check(check, value, field, self.warnings)

    def _check(
        self,
        check: Callable[..., Any],
        value: Any,
        field: tuple[str, ...],
        refusals: list[Refusal],
    ) -> Any:
        if value is KEEP:
            return value
        try:
            return check(value, *field)
        except Refusal as error:
            self.add(refusals, error)
            return KEEP

    def add(self, refusals: list[Refusal], error: Refusal) -> None:
        error.field = [*self._path, *error.field]
        refusals.append(error)


def _customer(person: PersonFacts, order_id: str, checks: _Checks) -> PersonFacts:
    facts = _person(person, "customer", _name, checks)
    if not guest.is_placeholder(person.external_id):
        return facts
    message = (
        f"{person.external_id!r} names nobody, so this buyer is kept apart from all others. Send"
        " an id that only this buyer has, such as one made of the order's."
    )
    checks.add(checks.warnings, Invalid("customer", "external_id", message=message))
    return replace(facts, external_id=guest.guest_of(order_id))


def _person(
    person: PersonFacts, role: str, name: Callable[..., str], checks: _Checks
) -> PersonFacts:
    return PersonFacts(
        checks.required(user_text.identifier, person.external_id, role, "external_id"),
        checks.optional(name, person.display_name, role, "display_name"),
        checks.optional(_email, person.email, role, "email"),
        checks.optional(_locale, person.locale, role, "locale"),
    )


def _completion(value: Moment | None, *field: str) -> datetime | None:
    return _past(value, *field, what="An order cannot be completed")


def _change(value: Moment | None, *field: str) -> datetime | None:
    return _past(value, *field, what="An order cannot have changed")


def _past(value: Moment | None, *field: str, what: str) -> datetime | None:
    instant = moment(value, *field)
    if instant is None:
        return None
    if instant < EPOCH:
        raise Invalid(*field, message=f"{what} before 1970.")
    if instant > clock.now() + CLOCK_SKEW:
        raise Invalid(*field, message=f"{what} in the future.")
    return instant


def _name(value: str, *field: str) -> str:
    cleaned = user_text.line(value)
    if len(cleaned) > MAX_NAME:
        raise Invalid(*field, message=f"A name has {MAX_NAME} characters at most.")
    return cleaned


def _vendor_name(value: str, *field: str) -> str:
    cleaned = _name(value, *field)
    if not cleaned:
        raise Invalid(*field, message="A vendor needs a name.")
    if _ADDRESS.search(cleaned):
        raise Invalid(*field, message="A vendor's name is public: it cannot hold an address.")
    return cleaned


def _title(value: str, *field: str) -> str:
    cleaned = user_text.line(value)
    if not 1 <= len(cleaned) <= MAX_TITLE:
        raise Invalid(*field, message=f"A title has 1 to {MAX_TITLE} characters.")
    return cleaned


def _email(value: str | None, *field: str) -> str | None:
    if not value or not value.strip():
        return None
    try:
        return normalised(value)
    except ValueError as error:
        raise Invalid(*field, message=str(error)) from None


def _locale(value: str | None, *field: str) -> str | None:
    if not value or not value.strip():
        return None
    try:
        return language_tag(value)
    except ValueError as error:
        raise Invalid(*field, message=str(error)) from None


def _url(value: str | None, *field: str) -> str | None:
    try:
        return site_settings.url("url", value) if value else None
    except Invalid as error:
        error.field = list(field)
        raise
