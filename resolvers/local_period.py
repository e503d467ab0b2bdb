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
    """Days of a local calendar, both ends included."""

    first: date
    last: date

    @property
    def previous(self) -> "LocalPeriod":
        """The period of equal length that ends on the day before this one."""
        days = self.last - self.first + _DAY
        return LocalPeriod(self.first - days, self.first - _DAY)

    def buckets(self, interval: Interval) -> list["LocalPeriod"]:
        """The days, weeks (Monday to Sunday) or months, clipped at the period's ends."""
        buckets, first = [], self.first
        while first <= self.last:
            last = min(_end(first, interval), self.last)
            buckets.append(LocalPeriod(first, last))
            first = last + _DAY
        return buckets

    def instants(self, time_zone: str) -> tuple[datetime, datetime]:
        """The first instant of the period, and the first one after it."""
        return _midnight(self.first, time_zone), _midnight(self.last + _DAY, time_zone)


def checked(first: date, last: date, interval: Interval, *field: str) -> LocalPeriod:
    """The period. Raises Invalid for reversed ends, too many buckets or dates off the calendar."""
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
    # Where the clocks skip midnight, fold=0 gives the instant of the skip.
    return datetime.combine(day, time(), ZoneInfo(time_zone)).astimezone(UTC)
