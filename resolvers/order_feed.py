"""Orders as the marketplace's back end tells them: idempotent, later news wins, a result a row."""

from collections.abc import Sequence

from models import SiteSettings, sql
from models.database import transaction
from models.outcome import retry_once, watched
from models.unavailable import Unavailable
from resolvers import order_parties, order_rights, outages, rights, site_settings
from resolvers.errors import Forbidden, Invalid
from resolvers.order_facts import OrderFacts, checked
from resolvers.order_rows import OrderResult, OrderRow, Outcome, stored_orders
from resolvers.order_writes import OrderWrites
from resolvers.viewer import Viewer

MAX_ORDERS = 500


async def upsert_orders(
    viewer: Viewer, rows: Sequence[OrderFacts], *, history: bool = False
) -> list[OrderResult]:
    """Store orders with their customers, vendors and services, and answer row by row.

    As many results as rows, in their order; a bad row never spoils a good one. The same order
    twice is applied in the order given. Sending the same again changes nothing, nor does what is
    older than what is stored. `history`: the rows come from a file; they remind nobody of a
    review, do not vouch for a purchase, and are older than all that the feed has dated.

    Raises Unauthenticated, Forbidden (no key with ORDERS_WRITE), Invalid (more than 500 rows).
    """
    rights.may_feed(viewer)
    if len(rows) > MAX_ORDERS:
        raise Invalid("orders", message=f"Send {MAX_ORDERS} orders at most at once.")
    results = [OrderResult(row.external_id) for row in rows]
    waiting = []
    for place, (row, result) in enumerate(zip(rows, results, strict=True)):
        facts, mistakes, warnings = checked(row, "orders", str(place))
        if viewer.vendor is not None and row.vendor.external_id != viewer.vendor:
            result.errors = [_not_yours(place)]
        elif mistakes:
            result.errors = mistakes
        else:
            waiting.append(OrderRow(place, facts, result, warnings))
    while waiting:
        waiting = await _stored(viewer, waiting, history=history)
    return results


def _not_yours(place: int) -> Forbidden:
    return Forbidden(
        "orders",
        str(place),
        "vendor",
        "external_id",
        message="This key is bound to another vendor.",
    )


async def _stored(viewer: Viewer, waiting: list[OrderRow], *, history: bool) -> list[OrderRow]:
    """Store a wave. When the database cannot, its rows say so, and earlier ones stay told."""

    async def tried() -> list[OrderRow]:
        for row in waiting:
            row.begin()
        return await _wave(viewer, waiting, history=history)

    with watched():
        try:
            return await retry_once(tried)
        except Unavailable as trouble:
            if history:  # a file is stopped at, and read again as a whole
                raise
            for row in waiting:
                row.begin()
                row.refuse(outages.refused(trouble))
            return []


async def _wave(viewer: Viewer, waiting: list[OrderRow], *, history: bool) -> list[OrderRow]:
    """Store the first row of each order, in one transaction. Gives the rows that must come again:

    later news of the same order, and orders that somebody else stored at this very moment.
    """
    first: dict[str, OrderRow] = {}
    again = [row for row in waiting if first.setdefault(row.facts.external_id, row) is not row]
    async with transaction():
        settings = await site_settings.current()
        stored = await stored_orders(sorted(first))
        rows = [
            row
            for order_id, row in first.items()
            if _is_news(viewer, row, stored.get(order_id), settings, history=history)
        ]
        parties = await order_parties.store(viewer, rows)
        writes = OrderWrites(viewer, parties, settings, history)
        taken = [row for row in rows if not row.result.errors]
        for row in taken:
            if known := stored.get(row.facts.external_id):
                await writes.update(row, known)
        new = [row for row in taken if row.facts.external_id not in stored]
        raced = await writes.create(new)
        await writes.tell_of_persons(taken)
    return raced + again


def _is_news(
    viewer: Viewer,
    row: OrderRow,
    stored: sql.Row | None,
    settings: SiteSettings,
    *,
    history: bool,
) -> bool:
    """Whether the row is to be stored; the result of one that is not says why."""
    row.compare(stored)
    if stored is None:
        return True
    if order_rights.is_stale(viewer, row.facts, stored, history=history):
        row.result.order_id, row.result.outcome = stored["id"], Outcome.STALE
        row.result.warnings = []
        return False
    error = order_rights.refusal(viewer, row.facts, stored, settings)
    if error is not None:
        row.refuse(error)
    return error is None
