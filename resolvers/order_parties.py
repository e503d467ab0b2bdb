"""Customers, vendors and services come with the orders: what is new or changed is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from tortoise.models import Model

from models import Customer, Service, Vendor, clock, sql
from models.uuid7 import uuid7
from resolvers import text
from resolvers.errors import Forbidden, UserError
from resolvers.order_facts import KEEP, OrderFacts, PersonFacts
from resolvers.viewer import Viewer

M = TypeVar("M", bound=Model)
Wanted = dict[str, dict[str, Any]]


class Row(Protocol):
    """A row of the feed that can be refused."""

    facts: OrderFacts

    def refuse(self, error: UserError) -> None: ...


@dataclass(frozen=True)
class Parties:
    """The stored rows, by the ids that the marketplace gave them."""

    customers: dict[str, Customer]
    vendors: dict[str, Vendor]
    services: dict[str, Service]


async def store(viewer: Viewer, rows: Sequence[Row]) -> Parties:
    """Store the parties of the rows. A row that takes another vendor's service is refused.

    Tables and rows are always written in the same order, so that two feeds never deadlock.
    """
    vendors = await _stored(Vendor, _persons(row.facts.vendor for row in rows))
    services = await _existing(Service, sorted({row.facts.service.external_id for row in rows}))
    kept = [row for row in rows if _may_name(viewer, row, services, vendors)]
    customers = await _stored(Customer, _persons(row.facts.customer for row in kept))
    wanted: Wanted = {}
    for row in kept:
        facts = row.facts.service
        given = {
            "title": facts.title,
            "title_folded": text.fold(facts.title)[:900],
            "url": facts.url,
            "vendor_id": vendors[row.facts.vendor.external_id].id,
        }
        wanted[facts.external_id] = wanted.get(facts.external_id, {}) | _said(given)
    return Parties(customers, vendors, await _stored(Service, wanted, services))


def _may_name(
    viewer: Viewer, row: Row, services: dict[str, Service], vendors: dict[str, Vendor]
) -> bool:
    """A key that is bound to a vendor cannot take a service away from another one."""
    service = services.get(row.facts.service.external_id)
    if viewer.vendor is None or service is None:
        return True
    if service.vendor_id == vendors[row.facts.vendor.external_id].id:
        return True
    row.refuse(
        Forbidden("service", "externalId", message="This service belongs to another vendor.")
    )
    return False


def _persons(people: Iterable[PersonFacts]) -> Wanted:
    wanted: Wanted = {}
    for person in people:
        given = {
            "display_name": person.display_name,
            "email": person.email,
            "locale": person.locale,
        }
        wanted[person.external_id] = wanted.get(person.external_id, {}) | _said(given)
    return wanted


def _said(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not KEEP}


async def _existing(model: type[M], external_ids: list[str]) -> dict[str, M]:
    if not external_ids:
        return {}
    rows = await sql.fetch(
        f"SELECT {sql.columns(model, 't')} FROM {model._meta.db_table} t"
        f" WHERE t.external_id IN ({sql.places(external_ids)})",
        *external_ids,
    )
    return {
        row["external_id"]: instance
        for row, instance in zip(rows, sql.hydrate(model, rows), strict=True)
    }


async def _stored(
    model: type[M], wanted: Wanted, existing: dict[str, M] | None = None
) -> dict[str, M]:
    """The rows as wanted, storing those that are new or differ, in the order of their ids."""
    external_ids = sorted(wanted)
    known = await _existing(model, external_ids) if existing is None else existing
    differing = [
        external_id
        for external_id in external_ids
        if external_id not in known
        or any(getattr(known[external_id], k) != v for k, v in wanted[external_id].items())
    ]
    for external_id in differing:
        await _upsert(model, external_id, wanted[external_id])
    return await _existing(model, external_ids) if differing else known


async def _upsert(model: type[M], external_id: str, values: dict[str, Any]) -> None:
    names = list(values)
    changes = ", ".join(f"{name} = excluded.{name}" for name in names)
    await sql.execute(
        f"INSERT INTO {model._meta.db_table} (id, external_id, created_at, {', '.join(names)})"
        f" VALUES (?, ?, ?, {sql.places(names)}) ON CONFLICT (external_id) DO UPDATE SET {changes}",
        uuid7(),
        external_id,
        clock.now(),
        *values.values(),
    )
