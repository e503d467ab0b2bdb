"""Turns that are evenly spaced, for relays that count mails by the second."""

import asyncio
import time

# A relay that throttles gets half as many, and no more for a while.
_CAREFUL = 600.0


class Tempo:
    """At most so many turns a second; None is no limit."""

    def __init__(self, per_second: float | None) -> None:
        self.per_second = per_second
        self._next = 0.0
        self._careful_until = 0.0

    @property
    def now(self) -> float | None:
        """Turns a second at this moment."""
        if self.per_second is None or time.monotonic() >= self._careful_until:
            return self.per_second
        return self.per_second / 2

    async def turn(self) -> None:
        """Wait for a turn of one's own. Nobody saves up turns for later."""
        rate = self.now
        if rate is None:
            return
        moment = time.monotonic()
        mine = max(self._next, moment)
        self._next = mine + 1 / rate
        if mine > moment:
            await asyncio.sleep(mine - moment)

    def be_careful(self) -> None:
        """Half as many for ten minutes: the relay said that it was too much."""
        self._careful_until = time.monotonic() + _CAREFUL
