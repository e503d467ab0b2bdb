"""Reminders to review an order, promised when the feed reports it as completed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import mailers
from models import Customer, Order, SiteSettings, clock, review_window, sql
from models.one_round_trip import Writes
from resolvers.order_facts import OrderFacts

# People need so much time to review, from the moment when the reminder can leave.
LEAST = timedelta(hours=48)
# Where the window never closes: an order that was completed before that is history.
LATEST = timedelta(days=365)


async def promise_reminder(
    order_id: UUID,
    completed_at: datetime,
    facts: OrderFacts,
    customer: Customer,
    settings: SiteSettings,
    writes: Writes,
) -> None:
    """Promise the reminder by these writes, or record why there is none.

    It is due some days after completion, or at once if the order arrives later. Nothing is
    recorded of orders for which the feed allows no reminders: they are history.
    """
    if not facts.reminders_allowed:
        return
    due = completed_at + timedelta(days=settings.review_reminder_days)
    deadline = review_window.deadline(completed_at, settings)
    promise: dict[str, Any] = {
        "to": customer,
        "about": sql.fresh(Order, id=order_id),
        "due_at": max(due, clock.now()),
        "expires_at": deadline.closes_at if deadline else None,
        "occasion": completed_at.isoformat(),
        "completed_at": completed_at.isoformat(),
        "writes": writes,
    }
    closes_at = deadline.closes_at if deadline else completed_at + LATEST
    because = _why_not(facts, settings, due, closes_at)
    if because is None:
        await mailers.deliver_later("review.reminder", **promise)
    else:
        await mailers.do_not_promise("review.reminder", because=because, **promise)


def _why_not(
    facts: OrderFacts, settings: SiteSettings, due: datetime, closes_at: datetime
) -> str | None:
    if facts.is_own_service:
        return "not promised: the vendor bought the own service"
    if due >= closes_at:
        return "not promised: the review window closes before the reminder is due"
    if closes_at - clock.now() < LEAST:
        return "not promised: the review window had less than two days left"
    return None if settings.review_reminder_enabled else mailers.SWITCHED_OFF
