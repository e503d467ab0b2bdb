"""How often somebody may add to what is kept for good: far more often than a person would."""

from datetime import timedelta
from uuid import UUID

from models import clock, sql
from resolvers.errors import TooOften
from resolvers.viewer import Viewer

# Steps about one order. The team may take any number of them, if it takes its time.
RECENT, MAX_RECENT, MAX_EVER = timedelta(hours=1), 120, 1_000

_COUNT = """
SELECT COUNT(*) AS ever, COUNT(CASE WHEN at > ? THEN 1 END) AS lately FROM tracking_event
WHERE order_id = ? AND actor_role = ?"""


async def limit_frequency(viewer: Viewer, order_id: UUID, field: str) -> None:
    """Refuse a further step about an order to who has taken very many of them.

    Those of one role are counted together, so that nobody stops the others. Raises TooOften.
    """
    since = clock.now() - RECENT
    (counted,) = await sql.fetch(_COUNT, since, order_id, viewer.role.value)
    if counted["lately"] >= MAX_RECENT or (counted["ever"] >= MAX_EVER and not viewer.is_team):
        raise TooOften(field)
