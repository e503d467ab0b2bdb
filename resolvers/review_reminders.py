"""Reminders to review an order, promised when the feed reports it as completed."""

from datetime import datetime, timedelta
from uuid import UUID

import mailers
from models import Customer, Order, SiteSettings, clock, review_window, sql
from models.one_round_trip import Writes
from resolvers.order_facts import OrderFacts

# No reminder that was due longer ago than this: a feed of old orders must not mail people.
STALE = timedelta(days=2)


async def promise_reminder(
    order_id: UUID,
    completed_at: datetime,
    facts: OrderFacts,
    customer: Customer,
    settings: SiteSettings,
    writes: Writes,
) -> None:
    """Promise the reminder by these writes, unless it is switched off or would come too late."""
    if not settings.review_reminder_enabled or not facts.reminders_allowed:
        return
    if facts.is_own_service:
        return
    due = completed_at + timedelta(days=settings.review_reminder_days)
    if due < clock.now() - STALE:
        return
    order = sql.fresh(Order, id=order_id)
    deadline = review_window.deadline(completed_at, settings)
    if deadline is None or due < deadline.closes_at:
        await mailers.deliver_later(
            "review.reminder",
            to=customer,
            about=order,
            due_at=due,
            expires_at=deadline.closes_at if deadline else None,
            occasion=completed_at.isoformat(),
            completed_at=completed_at.isoformat(),
            writes=writes,
        )
