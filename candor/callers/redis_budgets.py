"""Budgets that several processes share, in Redis. Needs the extra `redis`."""

import logging
from collections.abc import Awaitable
from functools import lru_cache
from typing import Any, TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

log = logging.getLogger("candor.budgets")
T = TypeVar("T")

# Above this many callers, prepaid points are dropped.
MAX_CALLERS = 10_000


class SharedBudgets:
    """Takes a hundredth of a budget in advance, so that not every operation asks Redis."""

    def __init__(self, redis_url: str) -> None:
        storage: Any = storage_from_string(f"async+{redis_url}", implementation="redispy")
        self._windows = SlidingWindowCounterRateLimiter(storage)
        # Points taken in advance and not spent yet, by caller.
        self._prepaid: dict[str, int] = {}

    async def take(self, kind: str, name: str, cost: int, most: int) -> float:
        """Take this cost if that much is left. Gives how much is missing, if more than 0."""
        if kind != "points":
            return await self._ask(kind, name, cost, most)
        left = self._prepaid.get(name, 0) - cost
        if left >= 0:
            self._prepaid[name] = left
            return 0
        return await self._draw(name, -left, most)

    async def _draw(self, name: str, lacking: int, most: int) -> float:
        """Take the missing points and, if there are as many, a hundredth of the budget more."""
        left, more = self._prepaid.pop(name, 0), most // 100
        if len(self._prepaid) >= MAX_CALLERS:
            self._prepaid.clear()
        if more and await self._hit("points", name, lacking + more, most):
            self._give_back(name, more)
            return 0
        missing = await self._ask("points", name, lacking, most)
        if missing > 0:
            self._give_back(name, left)
        return missing

    def _give_back(self, name: str, points: int) -> None:
        """Add, not set: other requests of this caller may have done the same meanwhile."""
        self._prepaid[name] = self._prepaid.get(name, 0) + points

    async def _ask(self, kind: str, name: str, cost: int, most: int) -> float:
        if await self._hit(kind, name, cost, most):
            return 0
        window = self._windows.get_window_stats(_per_minute(most, kind), name)
        stats = await _or_default(window, None)
        return 0 if stats is None else max(cost - stats.remaining, 1)

    async def _hit(self, kind: str, name: str, cost: int, most: int) -> bool:
        """Whether that much was left. While Redis is down, everything is allowed."""
        return await _or_default(self._windows.hit(_per_minute(most, kind), name, cost=cost), True)


async def _or_default(value: Awaitable[T], default: T) -> T:
    """The value from Redis, or a default while Redis is down."""
    try:
        return await value
    except Exception as error:  # noqa: BLE001 - whatever a store's driver raises
        log.warning("the store of the budgets does not answer: %s", type(error).__name__)
        return default


@lru_cache(100)
def _per_minute(most: int, kind: str) -> RateLimitItemPerMinute:
    return RateLimitItemPerMinute(most, namespace=f"candor:{kind}")
