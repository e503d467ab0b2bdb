"""Budgets that several processes share, in Redis. Loaded where there is one: an extra."""

import logging
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any, TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

log = logging.getLogger("candor.budgets")
T = TypeVar("T")

# Callers whose points were taken ahead; beyond so many, they are forgotten.
MAX_NAMES = 10_000


class SharedBudgets:
    """Takes a hundredth of a budget ahead, so that not each operation asks."""

    def __init__(self, redis_url: str) -> None:
        storage: Any = storage_from_string(f"async+{redis_url}", implementation="redispy")
        self._windows = SlidingWindowCounterRateLimiter(storage)
        # Points taken ahead, and not spent yet.
        self._ahead: dict[str, int] = {}

    async def take(self, kind: str, name: str, cost: int, most: int) -> float:
        """Take so much, if that is there. Gives how much is lacking."""
        if kind != "points":
            return await self._ask(kind, name, cost, most)
        ahead = self._ahead.get(name, 0) - cost
        if ahead >= 0:
            self._ahead[name] = ahead
            return 0
        return await self._draw(name, -ahead, most)

    async def _draw(self, name: str, lacking: int, most: int) -> float:
        """Take what is lacking, and a hundredth of the budget ahead if there is as much."""
        left, more = self._ahead.pop(name, 0), most // 100
        if len(self._ahead) >= MAX_NAMES:
            self._ahead.clear()
        if more and await self._hit("points", name, lacking + more, most):
            self._give_back(name, more)
            return 0
        refused = await self._ask("points", name, lacking, most)
        if refused > 0:
            self._give_back(name, left)
        return refused

    def _give_back(self, name: str, points: int) -> None:
        """Others of the same name may have drawn meanwhile."""
        self._ahead[name] = self._ahead.get(name, 0) + points

    async def _ask(self, kind: str, name: str, cost: int, most: int) -> float:
        if await self._hit(kind, name, cost, most):
            return 0
        window = self._windows.get_window_stats(_per_minute(most, kind), name)
        stats = await _answer(window, None)
        return 0 if stats is None else max(cost - stats.remaining, 1)

    async def _hit(self, kind: str, name: str, cost: int, most: int) -> bool:
        """Whether there was so much to take. A store that is down closes no shop."""
        return await _answer(self._windows.hit(_per_minute(most, kind), name, cost=cost), True)


async def _answer(question: Awaitable[T], otherwise: T) -> T:
    """What the store answers, or something else when it is down."""
    try:
        return await question
    except Exception as error:  # noqa: BLE001 - whatever a store's driver raises
        log.warning("the store of the budgets does not answer: %s", type(error).__name__)
        return otherwise


@lru_cache(100)
def _per_minute(most: int, kind: str) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(most, namespace=f"candor:{kind}")
