"""How long a completed order may be reviewed: whole calendar days in the site's time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.site_settings import SiteSettings


@dataclass(frozen=True)
class Window:
    """The last local day on which a review is accepted, and the first instant after it."""

    last_day: date
    closes_at: datetime

    def is_open(self, now: datetime) -> bool:
        return now < self.closes_at


def deadline(completed_at: datetime | None, settings: SiteSettings) -> Window | None:
    """The window of an order; None when it is unlimited or when nobody knows the completion."""
    if completed_at is None:
        return None
    return window(completed_at, settings.review_window_days, settings.time_zone)


def is_open(completed_at: datetime | None, settings: SiteSettings, now: datetime) -> bool:
    """Whether the window is open. An order of unknown completion has one only when unlimited."""
    if settings.review_window_days == 0:
        return True
    if completed_at is None:
        return False
    until = deadline(completed_at, settings)
    return until is None or until.is_open(now)


def window(completed_at: datetime, days: int, time_zone: str) -> Window | None:
    """The review window of an order completed at an instant; None when `days` is 0: unlimited.

    Completed on January 1 with 30 days means the whole of January 31. Days are days of the
    calendar, never 24 hours: the night in which clocks change is a day like any other.
    """
    if days == 0:
        return None
    zone = ZoneInfo(time_zone)
    try:
        last_day = completed_at.astimezone(zone).date() + timedelta(days=days)
        next_midnight = datetime.combine(last_day + timedelta(days=1), time(), zone)
    except OverflowError:  # the window reaches past the end of the calendar
        return None
    # Where the clock skips midnight, fold 0 names the very instant of the skip.
    return Window(last_day, next_midnight.astimezone(UTC))
