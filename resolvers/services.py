"""Services and vendors with their ratings. Both are public."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from operator import getitem
from typing import Any, TypeVar
from uuid import UUID

from models import Service, Vendor, sql
from models.rating_tally import Tally
from resolvers import user_text
from resolvers.errors import Invalid
from resolvers.keyset import Order, Page, PageRequest, Term, cut, newest
from resolvers.ref import Ref
from resolvers.service_standing import FEATURED_FROM, LOWERED_FROM, NORMAL_FROM, ServiceStanding
from resolvers.viewer import Condition

_TALLY = ", ".join(f"k.{name}" for name in Tally._fields)
_COUNT = "COALESCE(k.n1 + k.n2 + k.n3 + k.n4 + k.n5, 0)"
_SUM = "(k.n1 + 2 * k.n2 + 3 * k.n3 + 4 * k.n4 + 5 * k.n5)"
# The published average in hundredths, as models.rating_tally computes it; 0 when unrated.
_AVERAGE = f"COALESCE((200 * CAST({_SUM} AS BIGINT) + {_COUNT}) / NULLIF(2 * {_COUNT}, 0), 0)"

# Best first. Services nobody rated yet stand above those that were rated badly.
_RANKS = {
    ServiceStanding.FEATURED: 5,
    ServiceStanding.NORMAL: 4,
    ServiceStanding.UNRATED: 3,
    ServiceStanding.LOWERED: 2,
    ServiceStanding.HIDDEN: 1,
}
_RANK = f"""(CASE WHEN {_COUNT} = 0 THEN {_RANKS[ServiceStanding.UNRATED]}
  WHEN {_AVERAGE} >= {FEATURED_FROM} THEN {_RANKS[ServiceStanding.FEATURED]}
  WHEN {_AVERAGE} >= {NORMAL_FROM} THEN {_RANKS[ServiceStanding.NORMAL]}
  WHEN {_AVERAGE} >= {LOWERED_FROM} THEN {_RANKS[ServiceStanding.LOWERED]}
  ELSE {_RANKS[ServiceStanding.HIDDEN]} END)"""

FROM = "FROM service s LEFT JOIN rating_counter k ON k.subject_id = s.id"
_SERVICES = f"SELECT {sql.columns(Service, 's')}, {_TALLY} {FROM}"
# With the sort keys, for lists.
_RANKED = f"""
SELECT {sql.columns(Service, "s")}, {_TALLY}, {_RANK} AS rank_, {_AVERAGE} AS average_,
  {_COUNT} AS count_
{FROM}"""
_VENDORS = f"""
SELECT {sql.columns(Vendor, "v")}, {_TALLY}
FROM vendor v LEFT JOIN rating_counter k ON k.subject_id = v.id"""


R = TypeVar("R", Service, Vendor)
# Whatever has an id and an external id.
N = TypeVar("N")


# Each column that can be shown alone, with what is joined for those of the seller.
WITH_SELLER = (
    " JOIN vendor v ON v.id = s.vendor_id LEFT JOIN rating_counter w ON w.subject_id = v.id"
)
READABLE = {
    **{
        f"seller_{name}": f'v."{name}" AS seller_{name}'
        for name in ("id", "external_id", "display_name")
    },
    **{f"seller_{name}": f"COALESCE(w.{name}, 0) AS seller_{name}" for name in Tally._fields},
    **{
        f"its_{name}": f's."{name}" AS its_{name}' for name in ("id", "external_id", "title", "url")
    },
    **{name: f"COALESCE(k.{name}, 0) AS {name}" for name in Tally._fields},
}
_COUNTERS = ", ".join(READABLE[name] for name in Tally._fields)
_UNRATED = Tally()._asdict()


class ServiceOrder(StrEnum):
    RANKING = "RANKING"
    NEWEST = "NEWEST"
    TITLE = "TITLE"


ORDERS: dict[ServiceOrder, Order] = {
    ServiceOrder.RANKING: Order(
        "RANKING",
        (
            Term(_RANK),
            Term(_AVERAGE),
            Term(_COUNT),
            Term("s.id", UUID),
        ),
        lambda row: [row["rank_"], row["average_"], row["count_"], row["id"].hex],
    ),
    ServiceOrder.NEWEST: newest("s"),
    ServiceOrder.TITLE: Order(
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
    """What narrows a list of services. `include_hidden` puts the hidden ones into RANKING too."""

    vendor: Ref | None = None
    standing: ServiceStanding | None = None
    search: str | None = None
    include_hidden: bool = False


async def find_service(ref: Ref) -> Service | None:
    """The service with its tally."""
    named = ref.names("s")
    return _first(_services(await sql.fetch(f"{_SERVICES} WHERE {named.text}", *named.values)))


async def find_vendor(ref: Ref) -> Vendor | None:
    """The vendor with its tally."""
    named = ref.names("v")
    return _first(_vendors(await sql.fetch(f"{_VENDORS} WHERE {named.text}", *named.values)))


async def services_by_refs(refs: Sequence[Ref]) -> list[Service | None]:
    """The services named, in the order of the names; None for an unknown one."""
    return _placed(refs, _services(await _named(_SERVICES, "s", refs)))


async def vendors_by_refs(refs: Sequence[Ref]) -> list[Vendor | None]:
    """The vendors named, in the order of the names; None for an unknown one."""
    return _placed(refs, _vendors(await _named(_VENDORS, "v", refs)))


async def services_by_ids(ids: Collection[UUID]) -> dict[UUID, Service]:
    found = await services_by_refs([Ref(id=each) for each in ids])
    return {service.id: service for service in found if service is not None}


async def vendors_by_ids(ids: Collection[UUID]) -> dict[UUID, Vendor]:
    found = await vendors_by_refs([Ref(id=each) for each in ids])
    return {vendor.id: vendor for vendor in found if vendor is not None}


async def list_services(
    vendor_ids: Sequence[UUID | None],
    filter: ServiceFilter,
    order: ServiceOrder,
    request: PageRequest,
    *,
    count: bool,
) -> list[Page[Service]]:
    """A page of services for each vendor (None: of all vendors), in one statement.

    RANKING leaves out hidden services unless the filter asks for them; the other orders do not.
    """
    listed = ORDERS[order]
    bounds, by = request.bounds(listed), listed.by(backwards=request.backwards)
    conditions = [_where(vendor_id, filter, order) for vendor_id in vendor_ids]
    parts = [
        f"SELECT {i} AS scope, s{i}.* FROM"
        f" ({_RANKED} WHERE {where.text}{bounds.text} ORDER BY {by} LIMIT ?) s{i}"
        for i, where in enumerate(conditions)
    ]
    values = [v for c in conditions for v in (*c.values, *bounds.values, request.size + 1)]
    found: list[list[Service]] = [[] for _ in vendor_ids]
    for row in await sql.fetch(" UNION ALL ".join(parts), *values):
        found[row["scope"]].extend(_services([row]))
    pages = [cut(rows, request, listed) for rows in found]
    if count:
        for page, total in zip(pages, await _count(conditions), strict=True):
            page.total = total
    return pages


def _where(vendor_id: UUID | None, filter: ServiceFilter, order: ServiceOrder) -> Condition:
    parts, values = ["s.id = s.id"], list[object]()
    if vendor_id is not None:
        parts.append("s.vendor_id = ?")
        values.append(vendor_id)
    if filter.vendor is not None:
        named = filter.vendor.id_in("vendor")
        parts.append(f"s.vendor_id = {named.text}")
        values.extend(named.values)
    if filter.standing is not None:
        parts.append(f"{_RANK} = {_RANKS[filter.standing]}")
    elif order is ServiceOrder.RANKING and not filter.include_hidden:
        parts.append(f"{_RANK} <> {_RANKS[ServiceStanding.HIDDEN]}")
    if filter.search is not None:
        words = user_text.fold(user_text.plain(filter.search))
        if len(words) > 200:
            raise Invalid("filter", "search", message="Search for 200 characters at most.")
        parts.append(f"{'strpos' if sql.is_postgres() else 'instr'}(s.title_folded, ?) > 0")
        values.append(words)
    return Condition(" AND ".join(parts), tuple(values))


async def _count(conditions: Sequence[Condition]) -> list[int]:
    parts = [
        f"SELECT {number} AS scope, COUNT(*) AS total {FROM} WHERE {where.text}"
        for number, where in enumerate(conditions)
    ]
    values = [value for where in conditions for value in where.values]
    totals = {
        row["scope"]: row["total"] for row in await sql.fetch(" UNION ALL ".join(parts), *values)
    }
    return [totals[number] for number in range(len(conditions))]


async def rated(
    services: Sequence[Ref],
    vendors: Sequence[Ref],
    *,
    columns: str = _COUNTERS,
    fetch: sql.Fetch | None = None,
) -> list[sql.Record]:
    """The counters of services, then of vendors, in the order of their names.

    What nobody knows is not reviewed.
    """
    found = list[sql.Record]()
    for table, refs in (("service", services), ("vendor", vendors)):
        if refs:
            select = (
                f"SELECT s.id, s.external_id, {columns} FROM {table} s"
                " LEFT JOIN rating_counter k ON k.subject_id = s.id"
            )
            rows = _placed(refs, await _named(select, "s", refs, fetch), read=getitem)
            found += [_UNRATED if row is None else row for row in rows]
    return found


async def _named(
    select: str, alias: str, refs: Sequence[Ref], fetch: sql.Fetch | None = None
) -> list[Any]:
    parts, values = [], list[object]()
    for column in ("id", "external_id"):
        given = [getattr(ref, column) for ref in refs if getattr(ref, column) is not None]
        if given:
            parts.append(f"{alias}.{column} IN ({sql.places(given)})")
            values += given
    if not parts:
        return []
    return list(await (fetch or sql.fetch)(f"{select} WHERE {' OR '.join(parts)}", *values))


def _placed(
    refs: Sequence[Ref], rows: Sequence[N], read: Callable[[Any, str], Any] = getattr
) -> list[N | None]:
    by_id = {read(row, "id"): row for row in rows}
    by_external_id = {read(row, "external_id"): row for row in rows}
    return [
        by_id.get(ref.id) if ref.id is not None else by_external_id.get(ref.external_id or "")
        for ref in refs
    ]


def _services(rows: list[sql.Row]) -> list[Service]:
    found = sql.hydrate(Service, rows)
    for service, row in zip(found, rows, strict=True):
        service.tally = Tally.of(row)
    return found


def _vendors(rows: list[sql.Row]) -> list[Vendor]:
    found = sql.hydrate(Vendor, rows)
    for vendor, row in zip(found, rows, strict=True):
        vendor.tally = Tally.of(row)
    return found


def _first(rows: list[R]) -> R | None:
    return rows[0] if rows else None
