"""Customers, vendors and services come with the orders: the newest facts of them are stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from models import Customer, Service, Vendor, clock, sql
from models.person import PERSON_FACTS
from models.uuid7 import uuid7
from resolvers import user_text
from resolvers.errors import Conflict, Forbidden
from resolvers.order_facts import KEEP, PersonFacts
from resolvers.order_rows import OrderRow
from resolvers.viewer import Condition, Viewer

Party = TypeVar("Party", Customer, Vendor, Service)
# Names of columns, by the id of the party.
Changes = dict[str, list[str]]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_ALWAYS = Condition("")
# Facts of the same instant count as newer, and what a bound key said holds back no other one.
_IS_NEWER = """({0}.told_at IS NULL OR ? >= {0}.told_at OR ({0}.told_by_partner AND NOT ?))"""
# What a key that is bound to a vendor may change: what no other key has said, of its own buyers.
_OWN_BUYER = """ AND (customer.told_at IS NULL OR customer.told_by_partner)
  AND NOT EXISTS (SELECT 1 FROM orders other
    WHERE other.customer_id = customer.id AND other.vendor_id <> ?)"""
_OWN_SERVICE = " AND service.vendor_id = ?"
_REVIEWED = """
SELECT r.id FROM review r JOIN vendor v ON v.id = r.vendor_id
WHERE r.service_id = ? AND v.external_id <> ? LIMIT 1"""


@dataclass(frozen=True)
class Parties:
    """The stored rows, by the ids that the marketplace gave them."""

    customers: dict[str, Customer]
    vendors: dict[str, Vendor]
    services: dict[str, Service]
    # What changed of those who were known before, by their ids.
    changed_customers: Changes
    changed_vendors: Changes


class _Facts(NamedTuple):
    """What a row says of one of its parties."""

    external_id: str
    values: dict[str, Any]
    row: OrderRow


async def store(viewer: Viewer, rows: Sequence[OrderRow]) -> Parties:
    """Store the parties of the rows. A row that takes a service from its vendor is refused.

    Facts that are older than those stored change nothing. A key that is bound to a vendor changes
    nothing of a customer whom an order of another vendor knows, or the marketplace itself. Tables
    and rows are always held, and then written, in the same order, so that two feeds never deadlock.
    """
    stored_vendors = await _locked(Vendor, {row.facts.vendor.external_id for row in rows})
    stored_customers = await _locked(Customer, {row.facts.customer.external_id for row in rows})
    stored_services = await _locked(Service, {row.facts.service.external_id for row in rows})
    kept = await _refuse_taken_services(viewer, rows, stored_vendors, stored_services)
    said = [_Facts(row.facts.vendor.external_id, _person(row.facts.vendor), row) for row in kept]
    vendors, changed_vendors = await _write_newest(viewer, stored_vendors, Vendor, said)
    own = vendors[viewer.vendor].id if viewer.vendor in vendors else None
    said = [_Facts(row.facts.customer.external_id, _customer(row, own), row) for row in kept]
    only_if = Condition(_OWN_BUYER, (own,)) if own else _ALWAYS
    customers, changed_customers = await _write_newest(
        viewer, stored_customers, Customer, said, only_if
    )
    said = [_Facts(row.facts.service.external_id, _service(row, vendors), row) for row in kept]
    only_if = Condition(_OWN_SERVICE, (own,)) if own else _ALWAYS
    services, _ = await _write_newest(viewer, stored_services, Service, said, only_if)
    for row in kept:
        if own not in {None, services[row.facts.service.external_id].vendor_id}:
            row.refuse(_of_another_vendor())  # who was faster by a moment
    return Parties(customers, vendors, services, changed_customers, changed_vendors)


async def _refuse_taken_services(
    viewer: Viewer,
    rows: Sequence[OrderRow],
    vendors: dict[str, Vendor],
    services: dict[str, Service],
) -> list[OrderRow]:
    """The rows but for those that name the service of another vendor; these are refused.

    Reviews stay with the vendor of their day, so a service moves only while it has none of another
    vendor. A row that says again what its order is of, or tells of long ago, moves nothing.
    """
    kept = []
    for row in rows:
        service = services.get(row.facts.service.external_id)
        vendor = vendors.get(row.facts.vendor.external_id)
        if service is None or (vendor is not None and service.vendor_id == vendor.id):
            kept.append(row)
        elif viewer.vendor is not None:
            row.refuse(_of_another_vendor())
        elif (
            not row.is_same_service
            and _is_newer(vars(service), row, bound=False)
            and await sql.fetch(_REVIEWED, service.id, row.facts.vendor.external_id)
        ):
            seller = (await Vendor.get(id=service.vendor_id)).external_id
            message = f"This service has reviews, so it stays with the vendor {seller}."
            row.refuse(Conflict("service", "external_id", message=message))
        else:
            kept.append(row)
    return kept


def _of_another_vendor() -> Forbidden:
    return Forbidden("service", "external_id", message="This service belongs to another vendor.")


def _person(told: PersonFacts) -> dict[str, Any]:
    given = {name: getattr(told, name) for name in PERSON_FACTS}
    return {name: value for name, value in given.items() if value is not KEEP}


def _customer(row: OrderRow, told_by: UUID | None) -> dict[str, Any]:
    said = _person(row.facts.customer)
    return said | {"email_from": told_by} if "email" in said else said


def _service(row: OrderRow, vendors: dict[str, Vendor]) -> dict[str, Any]:
    facts = row.facts.service
    said: dict[str, Any] = {
        "title": facts.title,
        "title_folded": user_text.fold(facts.title)[:900],
        "url": facts.url,
    }
    if not row.is_same_service:
        said["vendor_id"] = vendors[row.facts.vendor.external_id].id
    return {name: value for name, value in said.items() if value is not KEEP}


async def _write_newest(
    viewer: Viewer,
    known: dict[str, Party],
    model: type[Party],
    said: list[_Facts],
    only_if: Condition = _ALWAYS,
) -> tuple[dict[str, Party], Changes]:
    """The rows as they are when what is newest of what was said is written, and what changed."""
    wanted = _newest(known, said, bound=viewer.vendor is not None)
    changes: Changes = {}
    for external_id in sorted(wanted):
        values, is_new = wanted[external_id], external_id not in known
        written = await _write(model, external_id, values, only_if, is_new=is_new)
        if (
            written
            and not is_new
            and (changed := [name for name in PERSON_FACTS if name in values])
        ):
            changes[external_id] = changed
    names = {each.external_id for each in said}
    return (await _locked(model, names) if wanted else known), changes


def _newest(known: Mapping[str, Party], said: list[_Facts], *, bound: bool) -> dict[str, sql.Row]:
    """What is to be written: by id, the newest values of each column, and of when they are."""
    wanted: dict[str, sql.Row] = {}
    for external_id, values, row in sorted(said, key=lambda each: each.row.told_at or _LONG_AGO):
        stored, so_far = known.get(external_id), wanted.get(external_id, {})
        if stored is None:
            source = {"told_at": row.told_at, "told_by_partner": bound}
            wanted[external_id] = so_far | values | source
        elif _is_newer(vars(stored), row, bound=bound):
            before = vars(stored) | so_far
            differing = {name: value for name, value in values.items() if before[name] != value}
            if bound and "email" not in differing:
                differing.pop("email_from", None)
            source = _source(before, row, bound=bound)
            if differing or (row.is_dated and source["told_at"] != before["told_at"]):
                wanted[external_id] = so_far | differing | source
    return wanted


def _source(before: sql.Row, row: OrderRow, *, bound: bool) -> sql.Row:
    """Of when the facts are then; what a bound key says never makes another one's word older."""
    if bound and before["told_at"] is not None and not before["told_by_partner"]:
        return {"told_at": before["told_at"], "told_by_partner": False}
    return {"told_at": row.told_at, "told_by_partner": bound}


def _is_newer(stored: Mapping[str, Any], row: OrderRow, *, bound: bool) -> bool:
    """The rule of `_IS_NEWER`, on what was just read."""
    if stored["told_at"] is None or (stored["told_by_partner"] and not bound):
        return True
    return row.told_at is not None and row.told_at >= stored["told_at"]


async def _locked(model: type[Party], external_ids: Collection[str]) -> dict[str, Party]:
    """What is stored under these ids, held, so that what decides about it stays true meanwhile."""
    names = sorted(external_ids)
    if not names:
        return {}
    held = " FOR NO KEY UPDATE" if sql.is_postgres() else ""
    parties = await sql.objects(
        model,
        f"SELECT {sql.columns(model, 't')} FROM {model._meta.db_table} t"
        f" WHERE t.external_id IN ({sql.places(names)}) ORDER BY t.external_id{held}",
        *names,
    )
    return {party.external_id: party for party in parties}


async def _write(
    model: type[Party], external_id: str, values: sql.Row, only_if: Condition, *, is_new: bool
) -> bool:
    """Store what was said of a party; False when newer facts are there, or it must not be."""
    table = model._meta.db_table
    condition = f"{_IS_NEWER}{only_if.text}".format(table)
    guard = (values["told_at"], values["told_by_partner"], *only_if.values)
    if not is_new:
        changes = ", ".join(f"{name} = ?" for name in values)
        statement = f"UPDATE {table} SET {changes} WHERE external_id = ? AND {condition}"
        return bool(await sql.execute(statement, *values.values(), external_id, *guard))
    nameless = {} if model is Service else {"display_name": ""}
    row = {"id": uuid7(), "external_id": external_id, "created_at": clock.now()} | nameless | values
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    written = await sql.execute(
        f"INSERT INTO {table} ({', '.join(row)}) VALUES ({sql.places(list(row))})"
        f" ON CONFLICT (external_id) DO UPDATE SET {changes} WHERE {condition}",
        *row.values(),
        *guard,
    )
    return bool(written)
