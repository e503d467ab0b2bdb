"""Store accepted rows of the feed, with reminders, hand-overs and the log."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import mailers
from models import Customer, Order, OrderStatus, SiteSettings, Vendor, clock, sql
from models.one_round_trip import Gathered
from models.order import FACTS, FED
from models.uuid7 import uuid7
from resolvers import tracking_log
from resolvers.order_facts import KEEP, OrderFacts
from resolvers.order_hand_over import hand_over
from resolvers.order_parties import Parties
from resolvers.order_rows import OrderRow, Outcome
from resolvers.review_reminders import promise_reminder
from resolvers.viewer import Viewer

_NEW = dict.fromkeys(FED) | {"updated_by_partner": False, "fed": False}
_COLUMNS = ("id", "external_id", *FED, "link_version", "created_at")
_FOLLOW = "UPDATE order_update SET customer_id = ?, vendor_id = ? WHERE order_id = ?"
_UPDATE = f"UPDATE orders SET {', '.join(f'{name} = ?' for name in FED)} WHERE id = ?"


@dataclass(frozen=True)
class OrderWrites:
    """The writes of one feed transaction."""

    viewer: Viewer
    parties: Parties
    settings: SiteSettings
    # Whether the rows come from a file: they send no reminders and do not verify purchases.
    history: bool
    # Changes, withdrawals and the log; and the promises that may replace what is withdrawn.
    _changes: Gathered = field(default_factory=Gathered)
    _promises: Gathered = field(default_factory=Gathered)

    async def finish(self) -> None:
        """Do the writes that were gathered, each kind in one statement for all rows."""
        await self._changes.run()
        await self._promises.run()

    async def create(self, rows: list[OrderRow]) -> list[OrderRow]:
        """Store new orders. Returns the rows of orders that another writer has just created."""
        now = clock.now()
        orders = {row.facts.external_id: self._values(row.facts, _NEW) for row in rows}
        ids = {external_id: uuid7() for external_id in sorted(orders)}
        values = [(id_, name, *orders[name].values(), 1, now) for name, id_ in ids.items()]
        stored = await sql.insert_new("orders", _COLUMNS, values)
        raced = []
        for row in rows:
            external_id = row.facts.external_id
            if ids[external_id] not in stored:
                raced.append(row)
                continue
            row.result.order_id, row.result.outcome = ids[external_id], Outcome.CREATED
            await self._remind(row, orders[external_id]["completed_at"])
        return raced

    async def update(self, row: OrderRow, stored: sql.Row) -> None:
        """Store changes of an order that the caller has locked."""
        values = self._values(row.facts, stored)
        row.result.order_id, row.result.outcome = stored["id"], Outcome.UNCHANGED
        if any(stored[name] != value for name, value in values.items()):
            await self._changes.add(_UPDATE, *values.values(), stored["id"])
        changed = {name for name in FACTS if stored[name] != values[name]}
        if not changed:
            return
        row.result.outcome = Outcome.UPDATED
        if "status" in changed and self.viewer.vendor is not None:
            await self._record(
                row, "order.status_changed", was=stored["status"], now=row.facts.status.value
            )
        if changed & {"customer_id", "vendor_id"}:
            parties = (values["customer_id"], values["vendor_id"])
            await self._changes.add(_FOLLOW, *parties, stored["id"])
        if "customer_id" in changed:
            await hand_over(self.viewer, stored, to=self._customer(row))
        if row.facts.status is not OrderStatus.COMPLETED:
            because = f"the order is {row.facts.status.value.lower().replace('_', ' ')}"
            await self._withdraw_reminder(stored["id"], because)
        elif (
            changed - {"vendor_id", "service_id"} and not self.history and not stored["is_reviewed"]
        ):
            # There is one reminder: replace it if its date, person or permission changed.
            await self._withdraw_reminder(stored["id"], "the order changed")
            await self._remind(row, values["completed_at"])

    async def record_person_changes(self, rows: list[OrderRow]) -> None:
        """Log persons whose name, e-mail or language changed, once each, with the order."""
        customers, vendors = (
            dict(self.parties.changed_customers),
            dict(self.parties.changed_vendors),
        )
        for row in rows:
            if row.result.order_id is None:
                continue
            for role, person, changes in (
                ("customer", row.facts.customer, customers),
                ("vendor", row.facts.vendor, vendors),
            ):
                if changed := changes.pop(person.external_id, None):
                    who = {role: person.external_id}
                    await self._record(row, "person.changed", changed=changed, **who)

    def _values(self, facts: OrderFacts, stored: sql.Row) -> sql.Row:
        """The values to store of an order, for the columns of FED, in their order."""
        customer = self.parties.customers[facts.customer.external_id]
        vendor = self.parties.vendors[facts.vendor.external_id]
        values = {
            "status": facts.status,
            "completed_at": _completion(facts, stored["completed_at"]),
            "reminders_allowed": facts.reminders_allowed,
            "customer_id": customer.id,
            "vendor_id": vendor.id,
            "service_id": self.parties.services[facts.service.external_id].id,
            **self._version(facts, stored),
            "fed": stored["fed"] or not self.history,
            "contact_email": self._contact(facts, stored, customer, vendor),
        }
        return {name: values[name] for name in FED}

    def _version(self, facts: OrderFacts, stored: sql.Row) -> sql.Row:
        """The order's last change and its source; a vendor's key never replaces another key's."""
        bound = self.viewer.vendor is not None
        is_settled = stored["updated_at"] is not None and not stored["updated_by_partner"]
        if facts.updated_at is None or (bound and is_settled):
            return {name: stored[name] for name in ("updated_at", "updated_by_partner")}
        return {"updated_at": facts.updated_at, "updated_by_partner": bound}

    def _contact(
        self, facts: OrderFacts, stored: sql.Row, customer: Customer, vendor: Vendor
    ) -> str | None:
        """The address that the vendor's key sent, used only for this customer and vendor."""
        if self.viewer.vendor is not None and facts.customer.email is not KEEP:
            return facts.customer.email
        same = (customer.id, vendor.id) == (stored["customer_id"], stored["vendor_id"])
        return stored["contact_email"] if same else None

    def _customer(self, row: OrderRow) -> Customer:
        return self.parties.customers[row.facts.customer.external_id]

    async def _remind(self, row: OrderRow, completed_at: datetime | None) -> None:
        order_id = row.result.order_id
        if self.history or order_id is None or completed_at is None:
            return
        if row.facts.status is OrderStatus.COMPLETED:
            customer = self._customer(row)
            await promise_reminder(
                order_id, completed_at, row.facts, customer, self.settings, self._promises
            )

    async def _withdraw_reminder(self, order_id: UUID, because: str) -> None:
        writes = self._changes
        await mailers.withdraw("review.reminder", about=order_id, because=because, writes=writes)

    async def _record(self, row: OrderRow, kind: str, **details: Any) -> None:
        about = sql.fresh(Order, id=row.result.order_id)
        await tracking_log.record(self.viewer, kind, about=about, writes=self._changes, **details)


def _completion(facts: OrderFacts, stored: datetime | None) -> datetime | None:
    """When the order was completed: as the feed says, else as stored, else now."""
    if facts.completed_at is not None:
        return facts.completed_at
    if facts.status is OrderStatus.COMPLETED:
        return stored if stored or facts.undated else clock.now()
    return stored if facts.status.may_follow_completion else None
