"""How long an order may be reviewed, and a review edited: whole days in the site's time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from models.site_settings import SiteSettings


@dataclass(frozen=True)
class Window:
    """The last local day on which it is accepted, and the first instant after it."""

    last_day: date
    closes_at: datetime

    def is_open(self, now: datetime) -> bool:
        return now < self.closes_at


def deadline(completed_at: datetime | None, settings: SiteSettings) -> Window | None:
    """The window of an order; None if it is unlimited or the completion is unknown."""
    if completed_at is None:
        return None
    return window(completed_at, settings.review_window_days, settings.time_zone)


def edit_deadline(published_at: datetime | None, settings: SiteSettings) -> Window | None:
    """Until when its author may edit a review; None for no limit, as before its publication."""
    if published_at is None:
        return None
    return window(published_at, settings.review_edit_days, settings.time_zone)


def is_open(completed_at: datetime | None, settings: SiteSettings, now: datetime) -> bool:
    """Whether the window is open; for an unknown completion, only if windows are unlimited."""
    if settings.review_window_days == 0:
        return True
    if completed_at is None:
        return False
    until = deadline(completed_at, settings)
    return until is None or until.is_open(now)


def window(since: datetime, days: int, time_zone: str) -> Window | None:
    """The window that an instant opens; None if `days` is 0, which is unlimited.

    An order completed on January 1 with 30 days may be reviewed until the end of January 31. Days
    are calendar days, not 24 hours: a day on which clocks change counts like any other.
    """
    if days == 0:
        return None
    zone = ZoneInfo(time_zone)
    try:
        last_day = since.astimezone(zone).date() + timedelta(days=days)
        next_midnight = datetime.combine(last_day + timedelta(days=1), time(), zone)
    except OverflowError:  # the window reaches past the end of the calendar
        return None
    # If clocks skip midnight, fold 0 gives the instant of the skip.
    return Window(last_day, next_midnight.astimezone(UTC))
