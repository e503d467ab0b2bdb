"""When to try again, and when to give up."""

import random

from mailers.configuration import Pace

MAX_ATTEMPTS = 10
_MAX_HINT = 3600.0


def delay(pace: Pace, attempt: int, hint: float | None) -> float:
    """Seconds from this attempt (the first is 1) to the next.

    A server's hint is a minimum, up to an hour.
    """
    step = pace.retries[min(attempt, len(pace.retries)) - 1]
    return max(_spread(step), min(hint or 0, _MAX_HINT))


def pause(pace: Pace, failures: int) -> float:
    """Seconds for which the circuit breaker opens after this many failures in a row."""
    return _spread(min(pace.pause * 2.0 ** min(failures - 1, 20), pace.longest_pause))


def _spread(seconds: float) -> float:
    """Jitter of 20 %: mails that failed together are not retried together."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
