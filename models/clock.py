"""The one place that asks what time it is, so that a test can answer.

Servers that share a database go by its clock: what one wrote is due, or edited, for all of them.
"""

from datetime import UTC, datetime, timedelta

# By how much the database's clock is ahead of this machine's.
_ahead = timedelta()


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC) + _ahead


def own() -> datetime:
    """The same by this machine's clock."""
    return datetime.now(UTC)


def follow(theirs: datetime, before: datetime, after: datetime) -> None:
    """Go by a clock that said this between two moments of our own."""
    global _ahead  # noqa: PLW0603 - a process has one database
    _ahead = theirs - (before + (after - before) / 2)
