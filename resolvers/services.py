"""Services and vendors with their ratings; all of it is public."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from operator import getitem
from typing import Any, TypeVar
from uuid import UUID

from models import Service, Vendor, sql
from models.rating_tally import Tally, average_in, count_in
from models.service import SERVICE_PUBLIC
from models.vendor import VENDOR_PUBLIC
from resolvers import text_search
from resolvers.keyset import Page, PageRequest, Sort, Term, newest
from resolvers.ref import Ref
from resolvers.scoped_pages import Listing, all_of, list_pages
from resolvers.service_standing import RANKS, ServiceStanding, rank_in
from resolvers.viewer import Condition

_TALLY = ", ".join(f"k.{name}" for name in Tally._fields)
_COUNT, _AVERAGE = f"COALESCE({count_in('k')}, 0)", f"COALESCE({average_in('k')}, 0)"
_RANK = rank_in("k")

_TABLES = "service s LEFT JOIN rating_counter k ON k.subject_id = s.id"
FROM = f"FROM {_TABLES}"
_SERVICES = f"SELECT {sql.columns(Service, 's')}, {_TALLY} {FROM}"
_VENDORS = f"""
SELECT {sql.columns(Vendor, "v")}, {_TALLY}
FROM vendor v LEFT JOIN rating_counter k ON k.subject_id = v.id"""
# The types of the columns in READABLE.
TYPES = sql.types_of(Service, "its_") | sql.types_of(Vendor, "seller_")


R = TypeVar("R", Service, Vendor)
# Anything with an id and an external id.
N = TypeVar("N")


# Columns that can be read one by one; those named seller_… need the join WITH_SELLER.
WITH_SELLER = (
    " JOIN vendor v ON v.id = s.vendor_id LEFT JOIN rating_counter w ON w.subject_id = v.id"
)
READABLE = {
    **{f"seller_{name}": f'v."{name}" AS seller_{name}' for name in ("id", *VENDOR_PUBLIC)},
    **{f"seller_{name}": f"COALESCE(w.{name}, 0) AS seller_{name}" for name in Tally._fields},
    **{f"its_{name}": f's."{name}" AS its_{name}' for name in ("id", *SERVICE_PUBLIC)},
    **{name: f"COALESCE(k.{name}, 0) AS {name}" for name in Tally._fields},
}
_COUNTERS = ", ".join(READABLE[name] for name in Tally._fields)
_UNRATED = Tally()._asdict()


class ServiceSort(StrEnum):
    RANKING = "RANKING"
    NEWEST = "NEWEST"
    TITLE = "TITLE"


# Includes the sort keys of RANKING.
_RANKED = Listing(
    Service,
    f"{sql.columns(Service, 's')}, {_TALLY},"
    f" {_RANK} AS rank_, {_AVERAGE} AS average_, {_COUNT} AS count_",
    _TABLES,
    read=lambda rows: _with_tally(Service, rows),
)

SORTS: dict[ServiceSort, Sort] = {
    ServiceSort.RANKING: Sort(
        "RANKING",
        (
            Term(_RANK),
            Term(_AVERAGE),
            Term(_COUNT),
            Term("s.id", UUID),
        ),
        lambda row: [row["rank_"], row["average_"], row["count_"], row["id"].hex],
    ),
    ServiceSort.NEWEST: newest("s"),
    ServiceSort.TITLE: Sort(
        "TITLE",
        (
            Term("s.title_folded", str),
            Term("s.id", UUID),
        ),
        lambda row: [row["title_folded"], row["id"].hex],
        descending=False,
    ),
}


@dataclass(frozen=True)
class ServiceFilter:
    """Conditions that narrow a list; all must hold. `include_hidden` matters for RANKING only."""

    vendor: Ref | None = None
    standing: ServiceStanding | None = None
    search: str | None = None
    include_hidden: bool = False


async def find_service(ref: Ref) -> Service | None:
    """The service with its tally."""
    named = ref.names("s")
    return _first(await _subjects(Service, f"{_SERVICES} WHERE {named.text}", *named.values))


async def find_vendor(ref: Ref) -> Vendor | None:
    """The vendor with its tally."""
    named = ref.names("v")
    return _first(await _subjects(Vendor, f"{_VENDORS} WHERE {named.text}", *named.values))


async def services_by_refs(refs: Sequence[Ref]) -> list[Service | None]:
    """The referenced services, in the order of `refs`; None for an unknown one."""
    return _in_order_of(refs, await _by_refs(_SERVICES, "s", refs, partial(_subjects, Service)))


async def vendors_by_refs(refs: Sequence[Ref]) -> list[Vendor | None]:
    """The referenced vendors, in the order of `refs`; None for an unknown one."""
    return _in_order_of(refs, await _by_refs(_VENDORS, "v", refs, partial(_subjects, Vendor)))


async def services_by_ids(ids: Collection[UUID]) -> dict[UUID, Service]:
    services = await services_by_refs([Ref(id=each) for each in ids])
    return {service.id: service for service in services if service is not None}


async def vendors_by_ids(ids: Collection[UUID]) -> dict[UUID, Vendor]:
    vendors = await vendors_by_refs([Ref(id=each) for each in ids])
    return {vendor.id: vendor for vendor in vendors if vendor is not None}


async def list_services(
    vendor_ids: Sequence[UUID | None],
    filter: ServiceFilter,
    sort: ServiceSort,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[Service]]:
    """A page of services for each vendor (None: of all vendors), in one statement.

    RANKING leaves out hidden services unless the filter includes them; other sorts do not.
    """
    conditions = [_where(vendor_id, filter, sort) for vendor_id in vendor_ids]
    return await list_pages(_RANKED, conditions, SORTS[sort], request, count=count)


def _where(vendor_id: UUID | None, filter: ServiceFilter, sort: ServiceSort) -> Condition:
    conditions = [Condition("s.id = s.id")]
    if vendor_id is not None:
        conditions.append(Condition("s.vendor_id = ?", (vendor_id,)))
    if filter.vendor is not None:
        named = filter.vendor.id_in("vendor")
        conditions.append(Condition(f"s.vendor_id = {named.text}", named.values))
    if filter.standing is not None:
        conditions.append(Condition(f"{_RANK} = {RANKS[filter.standing]}"))
    elif sort is ServiceSort.RANKING and not filter.include_hidden:
        conditions.append(Condition(f"{_RANK} <> {RANKS[ServiceStanding.HIDDEN]}"))
    if filter.search is not None:
        conditions.append(text_search.holds("s.title_folded", filter.search))
    return all_of(*conditions)


async def counters_by_refs(
    services: Sequence[Ref],
    vendors: Sequence[Ref],
    *,
    columns: str = _COUNTERS,
    fetch: sql.Fetch = sql.fetch,
) -> list[sql.Record]:
    """The counters of services, then of vendors, in the order of the refs.

    Unknown ones have the counters of an unrated one.
    """
    counters = list[sql.Record]()
    for table, refs in (("service", services), ("vendor", vendors)):
        if refs:
            select = (
                f"SELECT s.id, s.external_id, {columns} FROM {table} s"
                " LEFT JOIN rating_counter k ON k.subject_id = s.id"
            )
            rows = _in_order_of(refs, await _by_refs(select, "s", refs, fetch), read=getitem)
            counters += [_UNRATED if row is None else row for row in rows]
    return counters


async def _subjects(model: type[R], statement: str, *values: object) -> list[R]:
    rows = await sql.fetch(statement, *values, types=sql.types_of(model))
    return _with_tally(model, rows)


async def _by_refs(
    select: str, alias: str, refs: Sequence[Ref], fetch: Callable[..., Awaitable[Sequence[N]]]
) -> list[N]:
    parts, values = [], list[object]()
    for column in ("id", "external_id"):
        given = [getattr(ref, column) for ref in refs if getattr(ref, column) is not None]
        if given:
            parts.append(f"{alias}.{column} IN ({sql.places(given)})")
            values += given
    if not parts:
        return []
    return list(await fetch(f"{select} WHERE {' OR '.join(parts)}", *values))


def _in_order_of(
    refs: Sequence[Ref], rows: Sequence[N], read: Callable[[Any, str], Any] = getattr
) -> list[N | None]:
    by_id = {read(row, "id"): row for row in rows}
    by_external_id = {read(row, "external_id"): row for row in rows}
    return [
        by_id.get(ref.id) if ref.id is not None else by_external_id.get(ref.external_id or "")
        for ref in refs
    ]


def _with_tally(model: type[R], rows: list[sql.Row]) -> list[R]:
    subjects = sql.hydrate(model, rows)
    for subject, row in zip(subjects, rows, strict=True):
        subject.tally = Tally.of(row)
    return subjects


def _first(rows: list[R]) -> R | None:
    return rows[0] if rows else None
