"""Periods of whole days in the site's time zone, and the buckets that tile them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from resolvers.errors import Invalid

MAX_BUCKETS = 1000
_DAY = timedelta(days=1)


class Interval(StrEnum):
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"


@dataclass(frozen=True)
class LocalPeriod:
    """Days of a local calendar, both ends in."""

    first: date
    last: date

    @property
    def previous(self) -> "LocalPeriod":
        """The period of as many days that ends on the day before this one."""
        days = self.last - self.first + _DAY
        return LocalPeriod(self.first - days, self.first - _DAY)

    def buckets(self, interval: Interval) -> list["LocalPeriod"]:
        """The days, the weeks from Monday to Sunday, or the months, cut at the period's ends."""
        found, first = [], self.first
        while first <= self.last:
            last = min(_end(first, interval), self.last)
            found.append(LocalPeriod(first, last))
            first = last + _DAY
        return found

    def instants(self, time_zone: str) -> tuple[datetime, datetime]:
        """The first instant in it, and the first one after it."""
        return _midnight(self.first, time_zone), _midnight(self.last + _DAY, time_zone)


def checked(first: date, last: date, interval: Interval, *field: str) -> LocalPeriod:
    """The period from one day to another. Raises Invalid when it cannot be computed or shown."""
    if last < first:
        raise Invalid(*field, "to", message="A period ends on the day it begins, or later.")
    days = {Interval.DAY: 1, Interval.WEEK: 7, Interval.MONTH: 28}[interval]
    if (last - first).days // days >= MAX_BUCKETS:
        raise Invalid(
            *field, "to", message=f"Ask for {MAX_BUCKETS:,} steps at most, or for longer ones."
        )
    period = LocalPeriod(first, last)
    try:
        _ = period.previous.first - _DAY, last + 2 * _DAY
    except OverflowError:
        raise Invalid(*field, "from", message="This is beyond the calendar.") from None
    return period


def _end(first: date, interval: Interval) -> date:
    match interval:
        case Interval.DAY:
            return first
        case Interval.WEEK:
            return first + (6 - first.weekday()) * _DAY
        case Interval.MONTH:
            return (first.replace(day=1) + 32 * _DAY).replace(day=1) - _DAY


def _midnight(day: date, time_zone: str) -> datetime:
    # Where the clock skips midnight, fold 0 names the very instant of the skip.
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
