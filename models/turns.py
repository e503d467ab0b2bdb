"""Spreads the work after database reads over turns of the event loop, so that others get theirs."""

import asyncio
import time
from collections import deque

# Seconds of work to aim at in one turn of the event loop, and how many tasks may resume at most.
SLICE, MAX_TASKS = 0.002, 32


class Turns:
    """Resumes as many waiting tasks in one turn of the loop as fill a slice, but at least one.

    Otherwise, with many costly operations under way, one turn of the loop would take as long as the
    work on all their rows, and a task that needs many turns, such as the mail worker, would crawl.
    """

    def __init__(self) -> None:
        self._allowed, self._granted = MAX_TASKS, 0
        self._began = 0.0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn, first come, first served; usually without delay."""
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
        """Run in the next turn of the loop, after the work of those resumed in the last one."""
        each = (time.perf_counter() - self._began) / max(self._granted, 1)
        self._allowed = max(1, min(MAX_TASKS, int(SLICE / each))) if each else MAX_TASKS
        self._granted = 0
        while self._waiting and self._granted < self._allowed:
            turn = self._waiting.popleft()
            if not turn.done():  # it may have been cancelled
                turn.set_result(None)
                self._granted += 1
        if self._granted:
            self._begin(loop)
