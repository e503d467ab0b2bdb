"""Lets those whose rows have come go on a few at a time, so that others get their turn between."""

import asyncio
import time
from collections import deque

# Seconds that they may take in one turn of the event loop, and how many of them at most.
SLICE, MOST = 0.002, 32


class Turns:
    """So many go on in one turn of the loop as it takes a slice for; one does always.

    Otherwise, with many dear questions under way, each turn of the loop takes as long as all that
    they make of their rows, and whoever needs many turns, as the mail worker does, gets few.
    """

    def __init__(self) -> None:
        self._allowed, self._granted = MOST, 0
        self._began = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn, first come, first served; mostly there is no need to."""
        loop = asyncio.get_running_loop()
        if self._granted < self._allowed and not self._waiting:
            if not self._granted:
                self._begin(loop)
            self._granted += 1
            return
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._began = time.perf_counter()
        loop.call_soon(self._next, loop)

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """In the next turn of the loop, when those who went on have done what they had to."""
        each = (time.perf_counter() - self._began) / max(self._granted, 1)
        self._allowed = max(1, min(MOST, int(SLICE / each))) if each else MOST
        self._granted = 0
        while self._waiting and self._granted < self._allowed:
            turn = self._waiting.popleft()
            if not turn.done():  # it may have been cancelled
                turn.set_result(None)
                self._granted += 1
        if self._granted:
            self._begin(loop)
