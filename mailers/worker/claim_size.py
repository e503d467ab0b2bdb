"""How many mails a worker claims: few, so that other workers get their share; many while they leave
quickly, because claiming, reading and writing in groups costs least.
"""

import time

from mailers.worker.rate_limit import RateLimiter

_MIN_EACH, _MAX_EACH, _QUICKLY = 2, 8, 0.25


class ClaimSize:
    def __init__(self, senders: int, rate_limiter: RateLimiter) -> None:
        self._senders, self._rate_limiter = senders, rate_limiter
        self._each, self._claimed_at = _MIN_EACH, 0.0

    @property
    def limit(self) -> int:
        """At most this many mails at a time; with a rate limit, no more than leave in a second."""
        size, rate = self._each * self._senders, self._rate_limiter.rate
        return size if rate is None else max(1, min(size, int(rate)))

    def record_claim(self) -> None:
        """Double the size if the last claim was a moment ago: then mails leave quickly."""
        moment = time.monotonic()
        quickly = moment - self._claimed_at < _QUICKLY
        self._each = min(2 * self._each, _MAX_EACH) if quickly else _MIN_EACH
        self._claimed_at = moment
