"""Whom to remind of a review, and when: promised with the news that an order is completed."""

from datetime import datetime, timedelta
from uuid import UUID

import mailers
from models import Customer, Order, SiteSettings, clock, review_window
from resolvers.order_facts import OrderFacts

# News this old asks for no review by mail: a site that feeds in its history mails nobody.
STALE = timedelta(days=2)


async def promise_reminder(
    order_id: UUID,
    completed_at: datetime,
    facts: OrderFacts,
    customer: Customer,
    settings: SiteSettings,
) -> None:
    """Promise the reminder, unless nobody wants it or it would come too late to be of use."""
    if not settings.review_reminder_enabled or not facts.reminders_allowed:
        return
    if facts.is_own_service:
        return
    due = completed_at + timedelta(days=settings.review_reminder_days)
    if due < clock.now() - STALE:
        return
    order = Order(id=order_id, completed_at=completed_at)
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
        )
