"""How much work of one caller is under way at once; the rest waits, first come, first served."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from candor.callers.budgets import Budgets, Caller
from resolvers.viewer import Role

# A caller has this part of a minute's points under way, and always one operation.
_PART = 1_000
# As many requests a browser sends at once. While more than these wait, a caller rests after an
# operation for as long as that took, so that a crowd gets half of the time at most.
_PATIENT = 6


class UnderWay:
    """Lets the operations of a caller wait for each other, so that others need not.

    Without budgets nobody waits, nor does an API key: the marketplace's own server feeds by it.
    """

    def __init__(self, budgets: Budgets | None) -> None:
        self._budgets = budgets
        self._lines: WeakValueDictionary[str, _Line] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, caller: Caller, cost: int) -> AsyncIterator[None]:
        """Wait until an operation of this cost may run in this block."""
        if self._budgets is None or caller.viewer.role is Role.INTEGRATION:
            yield
            return
        line = self._lines.get(caller.name)
        if line is None:
            line = self._lines[caller.name] = _Line(self._budgets.most(caller) // _PART)
        await line.take(cost)
        began = time.monotonic()
        try:
            yield
        finally:
            line.give_back(cost, time.monotonic() - began)


class _Line:
    """One caller's points under way, and the operations that wait."""

    def __init__(self, most: int) -> None:
        self._most, self._points = most, 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, cost: int) -> None:
        if not self._waiting and self._has_room_for(cost):
            self._points += cost
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((cost, turn))
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():  # it was its turn just then
                self._free(cost)
            turn.cancel()
            raise

    def give_back(self, cost: int, seconds: float) -> None:
        if len(self._waiting) > _PATIENT:
            asyncio.get_running_loop().call_later(seconds, self._free, cost)
        else:
            self._free(cost)

    def _free(self, cost: int) -> None:
        self._points -= cost
        while self._waiting and self._has_room_for(self._waiting[0][0]):
            next_cost, turn = self._waiting.popleft()
            if not turn.done():  # it may have been cancelled
                self._points += next_cost
                turn.set_result(None)

    def _has_room_for(self, cost: int) -> bool:
        return self._points == 0 or self._points + cost <= self._most
