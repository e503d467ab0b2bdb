"""What an outage of the database means: a refusal for who asked, and a line in the log."""

import logging
import time

from models import outcome, unavailable
from resolvers.errors import DatabaseUnavailable, OutcomeUnknown, Refusal

log = logging.getLogger("candor.database")

# One line of each kind of trouble, not one for each request.
QUIET_SECONDS = 60.0
_last_logged: dict[str, float] = {}


def refusal_of(trouble: unavailable.Unavailable) -> Refusal:
    """The refusal of what the database did not do; what it may have stored is not denied."""
    _warn(trouble.reason)
    seen = outcome.current.get()
    if isinstance(trouble, unavailable.OutcomeUnknown) or (seen and not seen.is_nothing):
        return unknown_outcome(seen)
    return DatabaseUnavailable()


def unknown_outcome(seen: outcome.Outcome | None) -> OutcomeUnknown:
    """The refusal of what may have been stored, with the advice of all that was begun."""
    if seen is None or not seen.advice:
        return OutcomeUnknown()
    advice = " ".join(dict.fromkeys(seen.advice))
    return OutcomeUnknown(
        message=f"Nobody knows whether this was stored: its answer did not come. {advice}"
    )


def _warn(reason: str) -> None:
    now = time.monotonic()
    if now - _last_logged.get(reason, -QUIET_SECONDS) >= QUIET_SECONDS:
        _last_logged[reason] = now
        log.warning("the database cannot be used: %s", reason)
