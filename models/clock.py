"""The one place that reads the time, so that tests can replace it.

Servers that share a database use its clock, so that they agree on when something is due.
"""

from datetime import UTC, datetime, timedelta

# How far the database's clock is ahead of this machine's.
_ahead = timedelta()


def now() -> datetime:
    """The current time by the database's clock, in UTC."""
    return datetime.now(UTC) + _ahead


def machine_now() -> datetime:
    """The current time by this machine's clock, in UTC."""
    return datetime.now(UTC)


def follow(theirs: datetime, before: datetime, after: datetime) -> None:
    """Use another clock, which showed `theirs` between two moments of this machine's."""
    global _ahead  # noqa: PLW0603 - a process has one database
    _ahead = theirs - (before + (after - before) / 2)
