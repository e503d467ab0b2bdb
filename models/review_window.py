"""How long after its completion an order may be reviewed: whole days of the site's calendar."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Window:
    """The last day on which a review is taken, and the first instant after it."""

    last_day: date
    closes_at: datetime


def window(completed_at: datetime, days: int, time_zone: str) -> Window | None:
    """The window of an order completed at that instant; None is without end.

    The last day is the local day of completion plus `days`: calendar days, so that an hour that
    daylight saving adds or removes changes nothing.
    """
    if days == 0:
        return None
    zone = ZoneInfo(time_zone)
    last_day = completed_at.astimezone(zone).date() + timedelta(days=days)
    midnight = datetime.combine(last_day + timedelta(days=1), time.min, zone)
    return Window(last_day, midnight.astimezone(UTC))
