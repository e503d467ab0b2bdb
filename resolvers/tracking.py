"""The tracking log: every step that somebody took, written in the step's own transaction."""

from typing import Any
from uuid import UUID

from models import Order, OrderUpdate, Review, TrackingEvent, clock
from resolvers.viewer import Viewer


async def record(
    viewer: Viewer,
    kind: str,
    *,
    about: Review | Order | OrderUpdate | None = None,
    order_id: UUID | None = None,
    **details: Any,
) -> None:
    """Append one event: who (the viewer), what (`kind`, for good), about which row, and when."""
    if order_id is None and isinstance(about, Review | OrderUpdate):
        order_id = about.order_id
    await TrackingEvent.create(
        at=clock.now(),
        kind=kind,
        actor_role=viewer.role.value,
        actor=viewer.external_id,
        subject_type=type(about).__name__ if about else "Site",
        subject_id=about.id if about else None,
        order_id=about.id if isinstance(about, Order) else order_id,
        details=details,
    )
