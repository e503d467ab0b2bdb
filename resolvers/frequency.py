"""Limits on how often records that are never deleted may be added; people do not reach them."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from models import clock, sql
from resolvers.errors import TooOften
from resolvers.viewer import Viewer

# Steps about one order: in the last hour, and in all. The second limit does not bind the team.
RECENT, MAX_RECENT, MAX_EVER = timedelta(hours=1), 120, 1_000

_COUNT = """
SELECT order_id, COUNT(*) AS ever, COUNT(CASE WHEN at > ? THEN 1 END) AS recent
FROM tracking_event WHERE order_id IN ({places}) AND actor_role = ? GROUP BY order_id"""


async def limit_frequency(viewer: Viewer, order_id: UUID, field: str) -> None:
    """Refuse a further step about an order once the viewer's role has taken too many.

    Counted per role, so that one side of an order cannot lock out the other. Raises TooOften.
    """
    if await too_often(viewer, [order_id]):
        raise TooOften(field)


async def too_often(viewer: Viewer, order_ids: Collection[UUID]) -> set[UUID]:
    """Those of these orders about which the viewer's role has taken too many steps."""
    if not order_ids:
        return set()
    statement = _COUNT.format(places=sql.places(order_ids))
    since = clock.now() - RECENT
    rows = await sql.fetch(statement, since, *order_ids, viewer.role.value)
    return {
        steps["order_id"]
        for steps in rows
        if steps["recent"] >= MAX_RECENT or (steps["ever"] >= MAX_EVER and not viewer.is_team)
    }
