"""Database outages: the refusal for the client, and a line in the log."""

import logging
import time

from models import outcome, unavailable
from resolvers.errors import DatabaseUnavailable, OutcomeUnknown, Refusal

log = logging.getLogger("candor.database")

# Log each reason at most once in this time, not once per request.
QUIET_SECONDS = 60.0
_last_logged: dict[str, float] = {}


def refusal_of(error: unavailable.Unavailable) -> Refusal:
    """The refusal after an outage: OutcomeUnknown if something may have been stored."""
    _warn(error.reason)
    current = outcome.current.get()
    if isinstance(error, unavailable.OutcomeUnknown) or (current and not current.is_nothing):
        return unknown_outcome(current)
    return DatabaseUnavailable()


def unknown_outcome(current: outcome.Outcome | None) -> OutcomeUnknown:
    """The refusal when something may have been stored, with the advice of each step begun."""
    if current is None or not current.advice:
        return OutcomeUnknown()
    advice = " ".join(dict.fromkeys(current.advice))
    return OutcomeUnknown(
        message=f"Nobody knows whether this was stored: its answer did not come. {advice}"
    )


def _warn(reason: str) -> None:
    now = time.monotonic()
    if now - _last_logged.get(reason, -QUIET_SECONDS) >= QUIET_SECONDS:
        _last_logged[reason] = now
        log.warning("the database cannot be used: %s", reason)
