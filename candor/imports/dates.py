"""Dates and times as other systems write them. What can be read in two ways is refused."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

# Formats of our own beside those of strptime, which has none for a count of seconds.
UNIX = {"unix": 1, "unix-ms": 1000}
_1970 = datetime(1970, 1, 1, tzinfo=UTC)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAY = re.compile(r"^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? ", re.IGNORECASE)
# The name of a zone in brackets after its offset, as JavaScript writes it.
_ZONE_NAME = re.compile(r" \([^()]*\)$")
_UTC = re.compile(r" ?\b(?:UTC|GMT)\b ?(?=[+-]\d|$)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_YEAR_FIRST = re.compile(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?=\D|$)")
_NAMED_MONTH = re.compile(
    r"""(?:(?P<day>\d{1,2})(?:st|nd|rd|th)?[ -](?P<month>[a-z]{3,9})\.?
        |(?P<month_first>[a-z]{3,9})\.?[ ](?P<day_second>\d{1,2})(?:st|nd|rd|th)?,?)
    ,?[ -](?P<year>\d{4}),?
    (?:[ ](?:at[ ])?(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d))?
        (?:[ ]?(?P<half>[ap])\.?m\.?)?)?
    (?:[ ]?(?P<offset>[+-]\d\d:?\d\d))?""",
    re.IGNORECASE | re.VERBOSE,
)


def instant(cell: str, zone: tzinfo, formats: Sequence[str] = ()) -> datetime:
    """An instant in UTC. A time without an offset is local time in the zone.

    The formats, each of strptime or of UNIX, are tried in their order, and then those that can be
    read in one way only: ISO 8601, the year first, or the month by its English name. Raises
    ValueError for anything else.
    """
    text = " ".join(cell.split())
    for read in (*map(_by_format, formats), _iso, _with_named_month):
        try:
            moment = read(text)
            local = moment if moment.tzinfo else moment.replace(tzinfo=zone)
            return local.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    raise ValueError(f"{cell!r} is no date and time{_hint(text)}.")


def check_format(given: str) -> None:
    """Raises ValueError for a format that does not hold a whole date."""
    if given in UNIX:
        return
    day = datetime(2023, 12, 31, tzinfo=UTC)
    try:
        is_whole = _by_format(given)(day.strftime(given)).date() == day.date()
    except (ValueError, re.error):
        is_whole = False
    if not is_whole:
        raise ValueError(
            f"{given!r} is no format of a date such as %m/%d/%Y, nor one of {', '.join(UNIX)}."
        )


def _by_format(given: str) -> Callable[[str], datetime]:
    if given in UNIX:
        return lambda text: _1970 + timedelta(seconds=float(text) / UNIX[given])
    # A time without an offset gets the zone from who calls.
    return lambda text: datetime.strptime(text, given)  # noqa: DTZ007


def _iso(text: str) -> datetime:
    if _NUMBER.fullmatch(text) and len(text) != len("20230102"):
        raise ValueError  # a count of seconds or days, of which the library reads some as a date
    text = _YEAR_FIRST.sub(lambda found: "{}-{:0>2}-{:0>2}".format(*found.groups()), text)
    return datetime.fromisoformat(_in_utc(text))


def _in_utc(text: str) -> str:
    """The text with its offset alone, without names of zones."""
    text = _ZONE_NAME.sub("", text)
    named = _UTC.search(text)
    if named is None:
        return text
    return text[: named.start()] + (text[named.end() :] or "+00:00")


def _with_named_month(text: str) -> datetime:
    found = _NAMED_MONTH.fullmatch(_in_utc(_WEEKDAY.sub("", text)))
    if found is None:
        raise ValueError
    day, month = found["day"] or found["day_second"], found["month"] or found["month_first"]
    date = f"{found['year']}-{_MONTHS.index(month[:3].lower()) + 1:02}-{int(day):02}"
    time = f"{_hour(found):02}:{found['minute'] or '00'}:{found['second'] or '00'}"
    return datetime.fromisoformat(f"{date} {time}{found['offset'] or ''}")


def _hour(found: re.Match[str]) -> int:
    hour = int(found["hour"] or 0)
    if found["half"] is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError
    return hour % 12 + (12 if found["half"].lower() == "p" else 0)


def _hint(text: str) -> str:
    if re.fullmatch(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}.*", text):
        return ": say with --date-format which is the day and which the month"
    if re.fullmatch(r"\d{10}(?:\.\d+)?|\d{13}", text):
        return ": with --date-format unix or unix-ms it is a count since 1970"
    return ""
