"""When to try again, and when to stop trying."""

import random

from mailers.configuration import Pace

MAX_ATTEMPTS = 10
_LONGEST_HINT = 3600.0


def delay(pace: Pace, attempt: int, hint: float | None) -> float:
    """Seconds until the next attempt after this one, the first being 1.

    A server's own wish is a minimum, up to an hour.
    """
    step = pace.retries[min(attempt, len(pace.retries)) - 1]
    return max(_spread(step), min(hint or 0, _LONGEST_HINT))


def pause(pace: Pace, failures: int) -> float:
    """Seconds for which the channel rests after so many troubles in a row."""
    return _spread(min(pace.pause * 2.0 ** min(failures - 1, 20), pace.longest_pause))


def _spread(seconds: float) -> float:
    """Twenty per cent either way, so that what failed together does not come back together."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
