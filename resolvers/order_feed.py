"""Orders as the marketplace's back end tells them: idempotent, later news wins, a result a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import mailers
from models import OrderStatus, Scope, SiteSettings, clock, sql
from models.database import transaction
from models.uuid7 import uuid7
from resolvers import order_parties, site_settings
from resolvers.errors import Conflict, Forbidden, Invalid, Unauthenticated, UserError
from resolvers.order_facts import OrderFacts, checked
from resolvers.order_parties import Parties
from resolvers.review_reminders import promise_reminder
from resolvers.viewer import Role, Viewer

MAX_ORDERS = 500

_EXISTING = """
SELECT o.id, o.external_id, o.status, o.completed_at, o.reminders_allowed, o.customer_id,
  o.vendor_id, o.service_id, v.external_id AS vendor, s.external_id AS service,
  EXISTS (SELECT 1 FROM review WHERE review.order_id = o.id) AS is_reviewed
FROM orders o JOIN vendor v ON v.id = o.vendor_id JOIN service s ON s.id = o.service_id
WHERE o.external_id IN ({places}) ORDER BY o.external_id"""

_LOCK = "SELECT id FROM orders WHERE external_id IN ({places}) ORDER BY external_id FOR UPDATE"
_FACTS = ("status", "completed_at", "reminders_allowed", "customer_id", "vendor_id", "service_id")
_INSERT = (
    f"INSERT INTO orders (id, external_id, {', '.join(_FACTS)}, link_version, created_at)"
    " VALUES ({places}) ON CONFLICT DO NOTHING RETURNING id"
)
_UPDATE = f"UPDATE orders SET {', '.join(f'{name} = ?' for name in _FACTS)} WHERE id = ?"


class Outcome(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"


@dataclass
class OrderResult:
    """What became of one row: an outcome and the order's id, or the errors of that row."""

    external_id: str
    order_id: UUID | None = None
    outcome: Outcome | None = None
    errors: list[UserError] = field(default_factory=list)


async def upsert_orders(
    viewer: Viewer, rows: Sequence[OrderFacts], *, remind: bool = True
) -> list[OrderResult]:
    """Store orders with their customers, vendors and services, and answer row by row.

    As many results as rows, in their order; a bad row never spoils a good one. The same order
    twice is applied in the order given. Sending the same again changes nothing. `remind` promises
    the reminder to review; a history that is imported goes without.

    Raises Unauthenticated, Forbidden (no key with ORDERS_WRITE), Invalid (more than 500 rows).
    """
    _may_feed(viewer)
    if len(rows) > MAX_ORDERS:
        raise Invalid("orders", message=f"Send {MAX_ORDERS} orders at most at once.")
    results = [OrderResult(row.external_id) for row in rows]
    waiting = []
    for place, (row, result) in enumerate(zip(rows, results, strict=True)):
        facts, result.errors = checked(row, "orders", str(place))
        if viewer.vendor is not None and row.vendor.external_id != viewer.vendor:
            result.errors = [_not_yours(place)]
        if not result.errors:
            waiting.append(_Row(place, facts, result))
    while waiting:
        waiting = await _wave(viewer, waiting, remind=remind)
    return results


@dataclass
class _Row:
    place: int
    facts: OrderFacts
    result: OrderResult

    def refuse(self, error: UserError) -> None:
        error.field = ["orders", str(self.place), *error.field]
        self.result.errors.append(error)


def _may_feed(viewer: Viewer) -> None:
    if viewer.role is Role.ANONYMOUS:
        raise Unauthenticated(message="Send an API key with the scope ORDERS_WRITE.")
    if Scope.ORDERS_WRITE not in viewer.scopes:
        raise Forbidden(message="This needs an API key with the scope ORDERS_WRITE.")


def _not_yours(place: int) -> Forbidden:
    return Forbidden(
        "orders", str(place), "vendor", "externalId", message="This key is bound to another vendor."
    )


async def _wave(viewer: Viewer, waiting: list[_Row], *, remind: bool) -> list[_Row]:
    """Store the first row of each order, in one transaction. Gives the rows that must come again:

    later news of the same order, and orders that somebody else stored at this very moment.
    """
    first: dict[str, _Row] = {}
    again = [row for row in waiting if first.setdefault(row.facts.external_id, row) is not row]
    async with transaction():
        settings = await site_settings.current()
        existing = await _existing(sorted(first))
        rows = [row for row in first.values() if _allowed(viewer, row, existing)]
        parties = await order_parties.store(viewer, rows)
        created = []
        for row in rows:
            if row.result.errors:
                continue
            stored = existing.get(row.facts.external_id)
            if stored is None:
                created.append(row)
            else:
                await _update(row, stored, parties, settings, remind=remind)
        again += await _create(created, parties, settings, remind=remind)
    return again


async def _existing(external_ids: list[str]) -> dict[str, sql.Row]:
    statement = _EXISTING.format(places=sql.places(external_ids))
    if sql.is_postgres():
        # Locked by a statement of its own: what was waited for is seen by the next one only.
        await sql.fetch(_LOCK.format(places=sql.places(external_ids)), *external_ids)
    return {row["external_id"]: row for row in await sql.fetch(statement, *external_ids)}


def _allowed(viewer: Viewer, row: _Row, existing: dict[str, sql.Row]) -> bool:
    stored = existing.get(row.facts.external_id)
    if stored is None:
        return not row.result.errors
    named = (row.facts.vendor.external_id, row.facts.service.external_id)
    if viewer.vendor not in {None, stored["vendor"]}:
        row.refuse(Forbidden("externalId", message="This order belongs to another vendor."))
    elif stored["is_reviewed"] and named != (stored["vendor"], stored["service"]):
        row.refuse(
            Conflict(message="This order was reviewed: its service and vendor cannot change.")
        )
    return not row.result.errors


def _values(
    facts: OrderFacts, parties: Parties, stored_completion: datetime | None
) -> tuple[object, ...]:
    return (
        facts.status,
        _completion(facts, stored_completion),
        facts.reminders_allowed,
        parties.customers[facts.customer.external_id].id,
        parties.vendors[facts.vendor.external_id].id,
        parties.services[facts.service.external_id].id,
    )


def _completion(facts: OrderFacts, stored: datetime | None) -> datetime | None:
    """When the order was completed: what the feed says, else what is known, else now."""
    if facts.completed_at is not None:
        return facts.completed_at
    if facts.status is OrderStatus.COMPLETED:
        return stored if stored or facts.undated else clock.now()
    return stored if facts.status.may_follow_completion else None


async def _create(
    rows: list[_Row], parties: Parties, settings: SiteSettings, *, remind: bool
) -> list[_Row]:
    if not rows:
        return []
    now = clock.now()
    ids = {row.facts.external_id: uuid7() for row in rows}
    values = {
        row.facts.external_id: (
            ids[row.facts.external_id],
            row.facts.external_id,
            *_values(row.facts, parties, None),
            1,
            now,
        )
        for row in sorted(rows, key=lambda row: row.facts.external_id)
    }
    one = f"({sql.places(next(iter(values.values())))})"
    statement = _INSERT.replace("({places})", ", ".join([one] * len(values)))
    flat = [value for each in values.values() for value in each]
    stored = {row["id"] for row in await sql.fetch(statement, *flat)}
    raced = []
    for row in rows:
        order_id = ids[row.facts.external_id]
        if order_id not in stored:
            raced.append(row)
            continue
        row.result.order_id, row.result.outcome = order_id, Outcome.CREATED
        completed_at = _completion(row.facts, None)
        if remind and row.facts.status is OrderStatus.COMPLETED and completed_at:
            customer = parties.customers[row.facts.customer.external_id]
            await promise_reminder(order_id, completed_at, row.facts, customer, settings)
    return raced


async def _update(
    row: _Row, stored: sql.Row, parties: Parties, settings: SiteSettings, *, remind: bool
) -> None:
    values = _values(row.facts, parties, stored["completed_at"])
    was = tuple(stored[name] for name in _FACTS)
    row.result.order_id = stored["id"]
    if values == was:
        row.result.outcome = Outcome.UNCHANGED
        return
    row.result.outcome = Outcome.UPDATED
    await sql.execute(_UPDATE, *values, stored["id"])
    if stored["is_reviewed"] and values[3] != was[3]:
        await _hand_over(stored["id"], values[3])
    if row.facts.status is not OrderStatus.COMPLETED:
        because = f"the order is {row.facts.status.value.lower().replace('_', ' ')}"
        await mailers.withdraw("review.reminder", about=stored["id"], because=because)
    elif remind and values[:4] != was[:4] and not stored["is_reviewed"]:
        # Of another date, for another person, or not wanted any more: there is one reminder.
        await mailers.withdraw("review.reminder", about=stored["id"], because="the order changed")
        customer = parties.customers[row.facts.customer.external_id]
        completed_at = _completion(row.facts, stored["completed_at"])
        if completed_at:
            await promise_reminder(stored["id"], completed_at, row.facts, customer, settings)


async def _hand_over(order_id: UUID, customer_id: object) -> None:
    """The order is another person's now, and so is its review: a guest made an account."""
    await sql.execute(
        "UPDATE review SET customer_id = ?, idempotency_key = NULL, idempotency_digest = NULL"
        " WHERE order_id = ?",
        customer_id,
        order_id,
    )
