"""Turns that are evenly spaced, for relays that count mails by the second."""

import asyncio
import contextlib
import time

# A relay that throttles gets half as many for so long, in seconds.
_CAREFUL = 600.0


class Tempo:
    """At most so many turns a second; None is no limit."""

    def __init__(self, per_second: float | None) -> None:
        self._per_second = per_second
        self._next = 0.0
        self._careful_until = 0.0

    @property
    def now(self) -> float | None:
        """Turns a second at this moment."""
        if self._per_second is None or time.monotonic() >= self._careful_until:
            return self._per_second
        return self._per_second / 2

    async def turn(self, over: asyncio.Event) -> bool:
        """Wait for a turn of one's own; False when it is over before. Nobody saves up turns."""
        rate = self.now
        if rate is not None:
            moment = time.monotonic()
            mine = max(self._next, moment)
            self._next = mine + 1 / rate
            if mine > moment:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), mine - moment)
        return not over.is_set()

    def be_careful(self) -> None:
        """The relay said that it was too much."""
        self._careful_until = time.monotonic() + _CAREFUL
