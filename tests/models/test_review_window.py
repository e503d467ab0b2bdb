from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.review_window import Window, window

CASES = {
    "thirty days": ("2026-01-01T12:00Z", 30, "UTC", "2026-01-31", "2026-02-01T00:00Z"),
    "late in the evening it is tomorrow in Berlin": (
        "2026-01-01T23:30Z",
        1,
        "Europe/Berlin",
        "2026-01-03",
        "2026-01-03T23:00Z",
    ),
    "daylight saving begins within": (
        "2026-03-20T12:00Z",
        30,
        "Europe/Berlin",
        "2026-04-19",
        "2026-04-19T22:00Z",
    ),
    "daylight saving ends within": (
        "2026-10-20T12:00Z",
        30,
        "Europe/Berlin",
        "2026-11-19",
        "2026-11-19T23:00Z",
    ),
    "a midnight that does not exist": (
        "2026-09-01T12:00Z",
        4,
        "America/Santiago",
        "2026-09-05",
        "2026-09-06T04:00Z",
    ),
    "a midnight that happens twice": (
        "2026-10-30T12:00Z",
        1,
        "America/Havana",
        "2026-10-31",
        "2026-11-01T04:00Z",
    ),
    "a leap day": ("2028-02-28T12:00Z", 1, "UTC", "2028-02-29", "2028-03-01T00:00Z"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_window_ends_with_a_local_day(case):
    completed, days, zone, last_day, closes = CASES[case]

    assert window(datetime.fromisoformat(completed), days, zone) == Window(
        date.fromisoformat(last_day), datetime.fromisoformat(closes)
    )


def test_zero_days_are_unlimited():
    assert window(datetime(2026, 1, 1, tzinfo=UTC), 0, "UTC") is None


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 400),
    st.sampled_from(["UTC", "Europe/Berlin", "America/Santiago", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_the_last_instant_is_on_the_last_day_and_the_next_is_not(completed, days, zone):
    open_until = window(completed, days, zone)

    local = ZoneInfo(zone)
    before = open_until.closes_at - timedelta(microseconds=1)
    assert before.astimezone(local).date() <= open_until.last_day
    assert open_until.closes_at.astimezone(local).date() > open_until.last_day
