"""Rate limiter for relays that count mails per second."""

import asyncio
import contextlib
import time

# After throttling, send at half rate for this many seconds.
_THROTTLED_FOR = 600.0


class RateLimiter:
    """Evenly spaced slots, at most `per_second`; None is no limit."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._next_slot = 0.0
        self._throttled_until = 0.0

    @property
    def rate(self) -> float | None:
        """Slots per second at this moment."""
        if self._per_second is None or time.monotonic() >= self._throttled_until:
            return self._per_second
        return self._per_second / 2

    async def wait_for_slot(self, stopping: asyncio.Event) -> bool:
        """Wait for the next free slot; False if `stopping` is set first. Unused slots are lost."""
        rate = self.rate
        if rate is not None:
            moment = time.monotonic()
            slot = max(self._next_slot, moment)
            self._next_slot = slot + 1 / rate
            if slot > moment:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stopping.wait(), slot - moment)
        return not stopping.is_set()

    def throttle(self) -> None:
        """Halve the rate for a while: the relay reported too many mails."""
        self._throttled_until = time.monotonic() + _THROTTLED_FOR
