"""Store the newest facts about customers, vendors and services, which arrive with orders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from models import Customer, Service, Vendor, clock, sql
from models.folding import fold
from models.one_round_trip import Gathered
from models.person import PERSON_FACTS
from models.uuid7 import uuid7
from resolvers.errors import Conflict, Forbidden
from resolvers.order_facts import KEEP, PersonFacts
from resolvers.order_rows import OrderRow
from resolvers.viewer import Condition, Viewer

Party = TypeVar("Party", Customer, Vendor, Service)
# Names of the changed columns, by the party's external id.
Changes = dict[str, list[str]]

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_ALWAYS = Condition("")
# Facts of the same instant count as newer. Facts of a vendor's key never block other keys.
_IS_NEWER = """({0}.told_at IS NULL OR ? >= {0}.told_at OR ({0}.told_by_partner AND NOT ?))"""
# A vendor's key changes only its own buyers, and of these only facts that no other key has sent.
_OWN_BUYER = """ AND (customer.told_at IS NULL OR customer.told_by_partner)
  AND NOT EXISTS (SELECT 1 FROM orders other
    WHERE other.customer_id = customer.id AND other.vendor_id <> ?)"""
_OWN_SERVICE = " AND service.vendor_id = ?"
_REVIEWED = """
SELECT r.id FROM review r JOIN vendor v ON v.id = r.vendor_id
WHERE r.service_id = ? AND v.external_id <> ? LIMIT 1"""


@dataclass(frozen=True)
class Parties:
    """The stored rows, by their external ids."""

    customers: dict[str, Customer]
    vendors: dict[str, Vendor]
    services: dict[str, Service]
    # Changes of rows that existed before.
    changed_customers: Changes
    changed_vendors: Changes


class _Facts(NamedTuple):
    """The facts in a row about one of its parties."""

    external_id: str
    values: dict[str, Any]
    row: OrderRow


async def store(viewer: Viewer, rows: Sequence[OrderRow]) -> Parties:
    """Store the parties of the rows. Refuses rows that would take a service from its vendor.

    Facts older than the stored ones change nothing. A vendor's key does not change a customer who
    has orders of other vendors or was sent by the marketplace. Tables and rows are always locked,
    then written, in the same order, so that two feeds cannot deadlock.
    """
    stored_vendors = await _locked(Vendor, {row.facts.vendor.external_id for row in rows})
    stored_customers = await _locked(Customer, {row.facts.customer.external_id for row in rows})
    stored_services = await _locked(Service, {row.facts.service.external_id for row in rows})
    kept = await _refuse_taken_services(viewer, rows, stored_vendors, stored_services)
    facts = [_Facts(row.facts.vendor.external_id, _person(row.facts.vendor), row) for row in kept]
    vendors, changed_vendors = await _write_newest(viewer, stored_vendors, Vendor, facts)
    own = vendors[viewer.vendor].id if viewer.vendor in vendors else None
    facts = [_Facts(row.facts.customer.external_id, _customer(row, own), row) for row in kept]
    only_if = Condition(_OWN_BUYER, (own,)) if own else _ALWAYS
    customers, changed_customers = await _write_newest(
        viewer, stored_customers, Customer, facts, only_if
    )
    facts = [_Facts(row.facts.service.external_id, _service(row, vendors), row) for row in kept]
    only_if = Condition(_OWN_SERVICE, (own,)) if own else _ALWAYS
    services, _ = await _write_newest(viewer, stored_services, Service, facts, only_if)
    for row in kept:
        if own not in {None, services[row.facts.service.external_id].vendor_id}:
            row.refuse(_of_another_vendor())  # which created it after our read
    return Parties(customers, vendors, services, changed_customers, changed_vendors)


async def _refuse_taken_services(
    viewer: Viewer,
    rows: Sequence[OrderRow],
    vendors: dict[str, Vendor],
    services: dict[str, Service],
) -> list[OrderRow]:
    """Refuse rows that name another vendor's service; returns the remaining rows.

    Reviews stay with the vendor they were written for, so a service moves only while it has no
    review of another vendor. Rows that repeat their order's service, or are older, move nothing.
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


def _person(facts: PersonFacts) -> dict[str, Any]:
    values = {name: getattr(facts, name) for name in PERSON_FACTS}
    return {name: value for name, value in values.items() if value is not KEEP}


def _customer(row: OrderRow, sent_by: UUID | None) -> dict[str, Any]:
    values = _person(row.facts.customer)
    return values | {"email_from": sent_by} if "email" in values else values


def _service(row: OrderRow, vendors: dict[str, Vendor]) -> dict[str, Any]:
    facts = row.facts.service
    values: dict[str, Any] = {
        "title": facts.title,
        "title_folded": fold(facts.title)[:900],
        "url": facts.url,
    }
    if not row.is_same_service:
        values["vendor_id"] = vendors[row.facts.vendor.external_id].id
    return {name: value for name, value in values.items() if value is not KEEP}


async def _write_newest(
    viewer: Viewer,
    stored: dict[str, Party],
    model: type[Party],
    facts: list[_Facts],
    only_if: Condition = _ALWAYS,
) -> tuple[dict[str, Party], Changes]:
    """Write the newest facts of each party. Returns the rows as stored then, and what changed."""
    newest = _newest(stored, facts, bound=viewer.vendor is not None)
    if not newest:
        return stored, {}
    known = [each for each in sorted(newest) if each in stored]
    written = await _update(model, {each: newest[each] for each in known}, only_if)
    changes = {
        each: changed
        for each in known
        if each in written and (changed := [name for name in PERSON_FACTS if name in newest[each]])
    }
    new = {each: newest[each] for each in sorted(newest) if each not in stored}
    for external_id in known:
        if external_id in written:
            vars(stored[external_id]).update(newest[external_id])
    return stored | await _insert(model, new, only_if), changes


def _newest(
    parties: Mapping[str, Party], facts: list[_Facts], *, bound: bool
) -> dict[str, sql.Row]:
    """The columns to write, by external id: the newest value of each, with its time and source."""
    newest: dict[str, sql.Row] = {}
    for external_id, values, row in sorted(facts, key=lambda each: each.row.told_at or _LONG_AGO):
        stored, so_far = parties.get(external_id), newest.get(external_id, {})
        if stored is None:
            source = {"told_at": row.told_at, "told_by_partner": bound}
            newest[external_id] = so_far | values | source
        elif _is_newer(vars(stored), row, bound=bound):
            before = vars(stored) | so_far
            differing = {name: value for name, value in values.items() if before[name] != value}
            if bound and "email" not in differing:
                differing.pop("email_from", None)
            source = _source(before, row, bound=bound)
            if differing or (row.is_dated and source["told_at"] != before["told_at"]):
                newest[external_id] = so_far | differing | source
    return newest


def _source(before: sql.Row, row: OrderRow, *, bound: bool) -> sql.Row:
    """The time and source to store; a vendor's key never replaces those of another key."""
    if bound and before["told_at"] is not None and not before["told_by_partner"]:
        return {"told_at": before["told_at"], "told_by_partner": False}
    return {"told_at": row.told_at, "told_by_partner": bound}


def _is_newer(stored: Mapping[str, Any], row: OrderRow, *, bound: bool) -> bool:
    """The rule of `_IS_NEWER`, for a row that was read."""
    if stored["told_at"] is None or (stored["told_by_partner"] and not bound):
        return True
    return row.told_at is not None and row.told_at >= stored["told_at"]


async def _locked(model: type[Party], external_ids: Collection[str]) -> dict[str, Party]:
    """The rows with these external ids, locked, so that checks of them hold until the commit."""
    names = sorted(external_ids)
    if not names:
        return {}
    lock = " FOR NO KEY UPDATE" if sql.is_postgres() else ""
    parties = await sql.objects(
        model,
        f"SELECT {sql.columns(model, 't')} FROM {model._meta.db_table} t"
        f" WHERE t.external_id IN ({sql.places(names)}) ORDER BY t.external_id{lock}",
        *names,
    )
    return {party.external_id: party for party in parties}


async def _update(
    model: type[Party], newest: Mapping[str, sql.Row], only_if: Condition
) -> Collection[str]:
    """Store facts about parties that the caller has locked, and that are newer than theirs.

    Returns those for which `only_if` holds.
    """
    if not only_if.text:
        writes = Gathered()
        for external_id, values in newest.items():
            await writes.add(_update_of(model, tuple(values)), *values.values(), external_id)
        await writes.run()
        return newest.keys()
    written = set()
    for external_id, values in newest.items():
        statement = _update_of(model, tuple(values)) + only_if.text
        if await sql.execute(statement, *values.values(), external_id, *only_if.values):
            written.add(external_id)
    return written


@cache
def _update_of(model: type[Party], names: tuple[str, ...]) -> str:
    changes = ", ".join(f"{name} = ?" for name in names)
    return f"UPDATE {model._meta.db_table} SET {changes} WHERE external_id = ?"


async def _insert(
    model: type[Party], new: Mapping[str, sql.Row], only_if: Condition
) -> dict[str, Party]:
    """Insert parties; facts about one that another writer has just created follow the rule."""
    if not new:
        return {}
    names = sorted({name for values in new.values() for name in values})
    blank: sql.Row = dict.fromkeys(names)
    if model is not Service:
        blank["display_name"] = ""
    now = clock.now()
    rows = {
        external_id: {"id": uuid7(), "external_id": external_id, "created_at": now} | blank | values
        for external_id, values in new.items()
    }
    columns = ("id", "external_id", "created_at", *blank)
    stored = await sql.insert_new(
        model._meta.db_table, columns, [list(row.values()) for row in rows.values()]
    )
    raced = [each for each, row in rows.items() if row["id"] not in stored]
    for external_id in raced:
        await _write_raced(model, external_id, new[external_id], only_if)
    parties = {each: sql.fresh(model, **row) for each, row in rows.items()}
    return parties | await _locked(model, raced)


async def _write_raced(
    model: type[Party], external_id: str, values: sql.Row, only_if: Condition
) -> None:
    """Store facts about a party that another writer has just created, unless its are newer."""
    condition = f"{_IS_NEWER}{only_if.text}".format(model._meta.db_table)
    guard = (values["told_at"], values["told_by_partner"], *only_if.values)
    statement = f"{_update_of(model, tuple(values))} AND {condition}"
    await sql.execute(statement, *values.values(), external_id, *guard)
