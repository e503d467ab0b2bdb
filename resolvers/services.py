"""Services and vendors with their ratings; all of it is public."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from operator import getitem
from typing import Any, TypeVar
from uuid import UUID

from models import Service, Vendor, sql
from models.rating_tally import Tally, ranking_in
from models.service import SERVICE_PUBLIC
from models.vendor import VENDOR_PUBLIC
from resolvers import text_search
from resolvers.keyset import Page, PageRequest, Sort, Term, newest
from resolvers.ref import Ref
from resolvers.scans import scanning
from resolvers.scoped_pages import (
    Listing,
    Run,
    Totals,
    all_of,
    beside_cursors,
    count_up_to_limit,
    list_runs,
)
from resolvers.service_standing import LADDER, RANKS, ServiceStanding, rank_in
from resolvers.viewer import ALWAYS, Condition, Viewer

_TALLY = ", ".join(f"k.{name}" for name in Tally._fields)
_AVERAGE, _COUNT = ranking_in("k")
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

# A rated service's rank follows from its average, so that an index of counters holds the ranking.
_RATED = "rating_counter k CROSS JOIN service s"
_IS_RATED = f"k.kind = 'SERVICE' AND s.id = k.subject_id AND {_COUNT} > 0"


def _ranking(id_: str) -> Sort:
    return Sort(
        "RANKING",
        (Term(_RANK), Term(_AVERAGE), Term(_COUNT), Term(id_, UUID)),
        lambda row: [row["rank_"], row["average_"], row["count_"], row["id"].hex],
    )


SORTS: dict[ServiceSort, Sort] = {
    ServiceSort.RANKING: _ranking("s.id"),
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
    viewer: Viewer,
    vendor_ids: Sequence[UUID | None],
    filter: ServiceFilter,
    sort: ServiceSort,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[Service]]:
    """A page of services for each vendor (None: of all vendors).

    RANKING leaves out hidden services unless the filter includes them; other sorts do not.
    """
    conditions = [_where(vendor_id, filter, sort) for vendor_id in vendor_ids]
    totals = partial(count_up_to_limit, _TABLES, conditions) if count else None
    may_scan = filter.search is not None or filter.standing is not None
    async with scanning(viewer, only_if=may_scan):
        if sort is ServiceSort.RANKING and vendor_ids == [None] and filter.vendor is None:
            return [await _ranking_of_all(filter, request, totals)]
        lists = [[Run(where)] for where in conditions]
        return await list_runs(_RANKED, lists, SORTS[sort], request, totals=totals)


async def _ranking_of_all(
    filter: ServiceFilter, request: PageRequest, totals: Totals | None
) -> Page[Service]:
    """A page of the ranking, of one run for each standing.

    Unrated services are found one by one, so they are read only if the page may hold any.
    """
    sort, runs = SORTS[ServiceSort.RANKING], _runs(filter, request)
    rank = RANKS[ServiceStanding.UNRATED]
    first = [
        run for run in runs if run.lead[0] != rank and (run.lead[0] < rank) is request.backwards
    ]
    (page,) = await list_runs(_RANKED, [first], sort, request)
    is_full = page.has_previous if request.backwards else page.has_next
    if not is_full:
        (page,) = await list_runs(_RANKED, [runs], sort, request)
    if totals is not None:
        (page.total,) = await totals()
    return page


def _runs(filter: ServiceFilter, request: PageRequest) -> list[Run]:
    where = _holds(filter)
    runs, below = [], None
    lower, upper = beside_cursors(f"({_AVERAGE})", request)
    for least, standing in LADDER:
        limits = f"{lower} >= {least}" + (f" AND {upper} < {below}" if below else "")
        rated = Condition(f"{_IS_RATED} AND {limits} AND {where.text}", where.values)
        runs.append(Run(rated, (RANKS[standing],), _RATED, _ranking("k.subject_id")))
        below = least
    unrated = Condition(f"{_COUNT} = 0 AND {where.text}", where.values)
    runs.append(Run(unrated, (RANKS[ServiceStanding.UNRATED], 0, 0)))
    if filter.standing is not None:
        return [run for run in runs if run.lead[0] == RANKS[filter.standing]]
    hidden = None if filter.include_hidden else RANKS[ServiceStanding.HIDDEN]
    return [run for run in runs if run.lead[0] != hidden]


def _where(vendor_id: UUID | None, filter: ServiceFilter, sort: ServiceSort) -> Condition:
    conditions = [_holds(filter)]
    if vendor_id is not None:
        conditions.append(Condition("s.vendor_id = ?", (vendor_id,)))
    if filter.vendor is not None:
        named = filter.vendor.id_in("vendor")
        conditions.append(Condition(f"s.vendor_id = {named.text}", named.values))
    if filter.standing is not None:
        conditions.append(Condition(f"{_RANK} = {RANKS[filter.standing]}"))
    elif sort is ServiceSort.RANKING and not filter.include_hidden:
        conditions.append(Condition(f"{_RANK} <> {RANKS[ServiceStanding.HIDDEN]}"))
    return all_of(*conditions)


def _holds(filter: ServiceFilter) -> Condition:
    if filter.search is None:
        return ALWAYS
    return text_search.holds("s.title_folded", filter.search)


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
