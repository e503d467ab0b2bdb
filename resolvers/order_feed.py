"""The marketplace's feed of orders: idempotent, the newest row wins, one result per row."""

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
    """Store orders with their customers, vendors and services; returns one result per row.

    Results are in the order of the rows; a bad row does not affect the others. Rows of one order
    are applied in the order given. A repeated row changes nothing, nor does one older than the
    stored order. `history`: the rows come from a file; they send no reminders, do not verify
    purchases, and count as older than any row that the feed has dated.

    Raises Unauthenticated, Forbidden (no key with ORDERS_WRITE), Invalid (over MAX_ORDERS rows).
    """
    rights.may_feed(viewer)
    if len(rows) > MAX_ORDERS:
        raise Invalid("orders", message=f"Send {MAX_ORDERS} orders at most at once.")
    results = [OrderResult(row.external_id) for row in rows]
    pending = []
    for place, (row, result) in enumerate(zip(rows, results, strict=True)):
        facts, errors, warnings = checked(row, "orders", str(place))
        if viewer.vendor is not None and row.vendor.external_id != viewer.vendor:
            result.errors = [_of_another_vendor(place)]
        elif errors:
            result.errors = errors
        else:
            pending.append(OrderRow(place, facts, result, warnings))
    while pending:
        pending = await _store_or_report(viewer, pending, history=history)
    return results


def _of_another_vendor(place: int) -> Forbidden:
    return Forbidden(
        "orders",
        str(place),
        "vendor",
        "external_id",
        message="This key is bound to another vendor.",
    )


async def _store_or_report(
    viewer: Viewer, pending: list[OrderRow], *, history: bool
) -> list[OrderRow]:
    """Store a round of rows. In an outage these rows get an error; earlier results stay."""

    async def attempt() -> list[OrderRow]:
        for row in pending:
            row.reset()
        return await _store_round(viewer, pending, history=history)

    with watched():
        try:
            return await retry_once(attempt)
        except Unavailable as error:
            if history:  # an import stops here, and the whole file is read again
                raise
            for row in pending:
                row.reset()
                row.refuse(outages.refusal_of(error))
            return []


async def _store_round(viewer: Viewer, pending: list[OrderRow], *, history: bool) -> list[OrderRow]:
    """Store the first row of each order, in one transaction. Returns the rows of the next round:

    further rows of the same orders, and orders that another writer has just created.
    """
    first: dict[str, OrderRow] = {}
    again = [row for row in pending if first.setdefault(row.facts.external_id, row) is not row]
    async with transaction():
        settings = await site_settings.current()
        stored = await stored_orders(sorted(first))
        rows = [
            row
            for order_id, row in first.items()
            if _is_to_store(viewer, row, stored.get(order_id), settings, history=history)
        ]
        parties = await order_parties.store(viewer, rows)
        writes = OrderWrites(viewer, parties, settings, history)
        accepted = [row for row in rows if not row.result.errors]
        for row in accepted:
            if order := stored.get(row.facts.external_id):
                await writes.update(row, order)
        new = [row for row in accepted if row.facts.external_id not in stored]
        raced = await writes.create(new)
        await writes.record_person_changes(accepted)
        await writes.finish()
    return raced + again


def _is_to_store(
    viewer: Viewer,
    row: OrderRow,
    stored: sql.Row | None,
    settings: SiteSettings,
    *,
    history: bool,
) -> bool:
    """Whether to store the row; if not, sets its result to the reason."""
    row.set_date(stored)
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
