"""Rows of the feed on their way into the database, and what is stored of their orders."""

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
    """What became of one row: an outcome and the order's id, or the errors of that row.

    Warnings tell what of a row that was taken could not be taken.
    """

    external_id: str
    order_id: UUID | None = None
    outcome: Outcome | None = None
    errors: list[Refusal] = field(default_factory=list)
    warnings: list[Refusal] = field(default_factory=list)


@dataclass
class OrderRow:
    """A row that can be believed, at its place in the batch."""

    place: int
    facts: OrderFacts
    result: OrderResult
    # What of it could not be taken.
    warnings: list[Refusal]
    # Of when its facts are; None when nobody knows.
    told_at: datetime | None = None
    # Whether the row itself says when, and it is not just the moment of its receipt.
    is_dated: bool = False
    # Whether the stored order is of this service and vendor already.
    is_same_service: bool = False

    def reset(self) -> None:
        """Forget what an earlier try, which was undone, found out."""
        self.result.order_id = self.result.outcome = None
        self.result.errors, self.result.warnings = [], [*self.warnings]

    def refuse(self, error: Refusal) -> None:
        error.field = ["orders", str(self.place), *error.field]
        self.result.errors.append(error)
        self.result.warnings = []

    def set_date(self, stored: sql.Row | None) -> None:
        """See of when the row is, and what it says again, by what is stored of its order."""
        facts = self.facts
        completions = [facts.completed_at]
        if stored is not None:
            of = (facts.vendor.external_id, facts.service.external_id)
            self.is_same_service = of == (stored["vendor"], stored["service"])
            # An order that was told with a later completion before is not older for that.
            completions.append(stored["completed_at"])
        self.told_at = facts.updated_at or max(filter(None, completions), default=None)
        self.is_dated = self.told_at is not None
        # A row without any date, first heard of when all is over, may be of any time.
        of_old = facts.undated or (stored is None and facts.status.may_follow_completion)
        if not self.is_dated and not of_old:
            self.told_at = clock.now()


async def stored_orders(external_ids: list[str]) -> dict[str, sql.Row]:
    """What is stored of orders, by their ids, with other writers held off."""
    places = sql.places(external_ids)
    if sql.is_postgres():
        # Locked by a statement of its own: what was waited for is seen by the next one only.
        await sql.fetch(_LOCK.format(places=places), *external_ids)
    rows = await sql.fetch(_STORED.format(places=places), *external_ids, types=_TYPES)
    return {row["external_id"]: row for row in rows}
