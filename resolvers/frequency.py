"""Limits on how often records that are never deleted may be added; people do not reach them."""

from datetime import timedelta
from uuid import UUID

from models import clock, sql
from resolvers.errors import TooOften
from resolvers.viewer import Viewer

# Steps about one order: in the last hour, and in all. The second limit does not bind the team.
RECENT, MAX_RECENT, MAX_EVER = timedelta(hours=1), 120, 1_000

_COUNT = """
SELECT COUNT(*) AS ever, COUNT(CASE WHEN at > ? THEN 1 END) AS recent FROM tracking_event
WHERE order_id = ? AND actor_role = ?"""


async def limit_frequency(viewer: Viewer, order_id: UUID, field: str) -> None:
    """Refuse a further step about an order once the viewer's role has taken too many.

    Counted per role, so that one side of an order cannot lock out the other. Raises TooOften.
    """
    since = clock.now() - RECENT
    (steps,) = await sql.fetch(_COUNT, since, order_id, viewer.role.value)
    if steps["recent"] >= MAX_RECENT or (steps["ever"] >= MAX_EVER and not viewer.is_team):
        raise TooOften(field)
