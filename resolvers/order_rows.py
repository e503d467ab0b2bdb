"""Rows of the feed while they are stored, and the stored orders that they are about."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models import Order, clock, sql
from models.order import FED
from resolvers.errors import Refusal
from resolvers.order_facts import OrderFacts

_STORED = f"""
SELECT {sql.columns(Order, "o", only=("id", "external_id", *FED))},
  c.external_id AS customer, v.external_id AS vendor, s.external_id AS service,
  EXISTS (SELECT 1 FROM review WHERE review.order_id = o.id) AS is_reviewed
FROM orders o JOIN customer c ON c.id = o.customer_id JOIN vendor v ON v.id = o.vendor_id
JOIN service s ON s.id = o.service_id
WHERE o.external_id IN ({{places}}) ORDER BY o.external_id"""
_TYPES = sql.types_of(Order, is_reviewed=bool)
_LOCK = "SELECT id FROM orders WHERE external_id IN ({places}) ORDER BY external_id FOR UPDATE"


class Outcome(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    STALE = "STALE"


@dataclass
class OrderResult:
    """The result of one row: an outcome and the order's id, or the row's errors.

    Warnings name values that were left out of a row that was stored.
    """

    external_id: str
    order_id: UUID | None = None
    outcome: Outcome | None = None
    errors: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)


@dataclass
class OrderRow:
    """A valid row, at its place in the batch."""

    place: int
    facts: OrderFacts
    result: OrderResult
    # About values that were left out.
    warnings: list[Refusal]
    # The time of its facts; None if unknown.
    told_at: datetime | None = None
    # Whether the row gives this time, rather than its receipt.
    is_dated: bool = False
    # Whether the stored order already has this service and vendor.
    is_same_service: bool = False

    def reset(self) -> None:
        """Clear the result of an earlier attempt that was rolled back."""
        self.result.order_id = self.result.outcome = None
        self.result.errors, self.result.warnings = [], [*self.warnings]

    def refuse(self, error: Refusal) -> None:
        error.field = ["orders", str(self.place), *error.field]
        self.result.errors.append(error)
        self.result.warnings = []

    def set_date(self, stored: sql.Row | None) -> None:
        """Set the time of the row's facts, and whether it repeats the stored order's service."""
        facts = self.facts
        completions = [facts.completed_at]
        if stored is not None:
            subject = (facts.vendor.external_id, facts.service.external_id)
            self.is_same_service = subject == (stored["vendor"], stored["service"])
            # A completion date that is corrected to an earlier one does not make the row older.
            completions.append(stored["completed_at"])
        self.told_at = facts.updated_at or max(filter(None, completions), default=None)
        self.is_dated = self.told_at is not None
        # A new order that arrives undated and already over may be from any time.
        may_be_old = facts.undated or (stored is None and facts.status.may_follow_completion)
        if not self.is_dated and not may_be_old:
            self.told_at = clock.now()


async def stored_orders(external_ids: list[str]) -> dict[str, sql.Row]:
    """The stored orders by their external ids, locked against other writers."""
    places = sql.places(external_ids)
    if sql.is_postgres():
        # A separate statement takes the lock: only a later one sees what was committed meanwhile.
        await sql.fetch(_LOCK.format(places=places), *external_ids)
    rows = await sql.fetch(_STORED.format(places=places), *external_ids, types=_TYPES)
    return {row["external_id"]: row for row in rows}
