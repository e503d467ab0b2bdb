"""Periods are days of the site's calendar; their buckets cover them without gaps or overlaps."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.errors import Invalid
from resolvers.local_period import Interval, LocalPeriod, checked

ZONES = ["UTC", "Europe/Berlin", "America/Santiago", "Pacific/Apia", "Asia/Beirut"]


@given(
    first=st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    days=st.integers(0, 400),
    interval=st.sampled_from(Interval),
    zone=st.sampled_from(ZONES),
)
def test_the_buckets_tile_the_period_in_days_and_in_instants(first, days, interval, zone):
    period = LocalPeriod(first, first + timedelta(days=days))

    buckets = period.buckets(interval)

    assert (buckets[0].first, buckets[-1].last) == (period.first, period.last)
    for before, after in pairwise(buckets):
        assert after.first == before.last + timedelta(days=1)
        assert after.instants(zone)[0] == before.instants(zone)[1]
    assert buckets[0].instants(zone)[0] == period.instants(zone)[0]
    assert buckets[-1].instants(zone)[1] == period.instants(zone)[1]
    assert period.previous.instants(zone)[1] == period.instants(zone)[0]
    previous = period.previous
    assert previous.last - previous.first == period.last - period.first


def test_weeks_begin_on_monday_and_months_on_the_first_clipped_at_the_ends():
    period = LocalPeriod(date(2026, 1, 29), date(2026, 3, 2))

    weeks = [(b.first.isoformat(), b.last.isoformat()) for b in period.buckets(Interval.WEEK)]
    months = [(b.first.isoformat(), b.last.isoformat()) for b in period.buckets(Interval.MONTH)]

    assert weeks == [
        ("2026-01-29", "2026-02-01"),
        ("2026-02-02", "2026-02-08"),
        ("2026-02-09", "2026-02-15"),
        ("2026-02-16", "2026-02-22"),
        ("2026-02-23", "2026-03-01"),
        ("2026-03-02", "2026-03-02"),
    ]
    assert months == [
        ("2026-01-29", "2026-01-31"),
        ("2026-02-01", "2026-02-28"),
        ("2026-03-01", "2026-03-02"),
    ]


def test_the_day_on_which_clocks_change_has_23_hours():
    day = LocalPeriod(date(2026, 3, 29), date(2026, 3, 29))

    assert day.instants("Europe/Berlin") == (
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 29, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("first", "last", "interval"),
    [
        (date(2026, 1, 2), date(2026, 1, 1), Interval.DAY),
        (date(2020, 1, 1), date(2026, 1, 1), Interval.DAY),
        (date(1, 1, 1), date(9999, 12, 31), Interval.MONTH),
        (date(1, 1, 1), date(1, 1, 1), Interval.DAY),
        (date(9999, 12, 31), date(9999, 12, 31), Interval.DAY),
    ],
)
def test_an_invalid_period_is_refused(first, last, interval):
    with pytest.raises(Invalid):
        checked(first, last, interval)


def test_a_thousand_buckets_are_allowed():
    first = date(2026, 1, 1)
    period = checked(first, first + timedelta(days=999), Interval.DAY)

    assert len(period.buckets(Interval.DAY)) == 1000
    assert checked(date(1990, 1, 1), date(2026, 1, 1), Interval.MONTH)
