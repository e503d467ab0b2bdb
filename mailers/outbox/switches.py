"""Promised mails follow the site's switches and the day of reminders."""

from collections.abc import Collection
from datetime import timedelta

from mailers.outbox.promise import SWITCHED_OFF, milliseconds
from models import clock, sql

REMINDER = "review.reminder"
_CANCEL = """
UPDATE outbox_mail SET status = 'CANCELLED', reason = ?, finished_at = ?
WHERE status = 'SCHEDULED' AND mail IN ({kinds})"""

# Of what was due meanwhile, only a reminder is still of use: as long as the window is open.
_REVIVE = """
UPDATE outbox_mail SET status = 'SCHEDULED', reason = NULL, finished_at = NULL
WHERE status = 'CANCELLED' AND reason = ? AND mail IN ({kinds}) AND expires_at > ?
  AND (due_at > ? OR mail = ?)"""

_MOVE = "UPDATE outbox_mail SET due_at = due_at + ? WHERE mail = ? AND status IN ('SCHEDULED', ?)"
_LATER = {
    True: "created_at + make_interval(days => CAST(? AS INTEGER))",
    # As Tortoise writes instants, with six digits of a second.
    False: "strftime('%Y-%m-%d %H:%M:%S', created_at, ? || ' days') || substr(created_at, 20)",
}
_MOVE_NOTIFICATIONS = (
    "UPDATE notification SET created_at = {later} WHERE kind = ? AND created_at > ?"
)


async def switch_off(kinds: Collection[str]) -> None:
    """Cancel what is promised of these kinds and has not been claimed; notifications stay."""
    if kinds:
        statement = _CANCEL.format(kinds=sql.places(kinds))
        await sql.execute(statement, SWITCHED_OFF, milliseconds(clock.now()), *kinds)


async def switch_on(kinds: Collection[str]) -> None:
    """Promise again what was cancelled by `switch_off`, or not promised at all, and is not late."""
    if kinds:
        statement = _REVIVE.format(kinds=sql.places(kinds))
        now = milliseconds(clock.now())
        await sql.execute(statement, SWITCHED_OFF, *kinds, now, now, REMINDER)


async def move_reminders(days: int) -> None:
    """Reminders that have not left are due so many days later, or earlier if negative."""
    shift = timedelta(days=days) // timedelta(milliseconds=1)
    await sql.execute(_MOVE, shift, REMINDER, "CANCELLED")
    statement = _MOVE_NOTIFICATIONS.format(later=_LATER[sql.is_postgres()])
    await sql.execute(statement, days if sql.is_postgres() else str(days), REMINDER, clock.now())
