"""What a caller may spend in a minute: points of cost, and a few guesses."""

import ipaddress
import logging
import math
from collections.abc import Awaitable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from limits import RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.storage import storage_from_string

from candor.errors import RateLimited
from resolvers.viewer import ANONYMOUS, Role, Viewer

log = logging.getLogger("candor.budgets")
T = TypeVar("T")

# How many times nobody's budget somebody has: a storefront's server and its visitors share a key.
_SHARES = {Role.ANONYMOUS: 1, Role.GUEST: 1, Role.INTEGRATION: 50}
_SHARES_OF_PEOPLE = 5
# Numbers of orders, tokens of links, bad credentials: things that somebody could try one by one.
GUESSES = 60
# Callers whose points were taken ahead; beyond so many, they are forgotten.
MAX_NAMES = 10_000
# Whoever sees every order anyway has nothing to guess.
_SEE_ALL = {Role.INTEGRATION, Role.STAFF, Role.ADMIN}


@dataclass(frozen=True)
class Caller:
    """Who asks, and from where."""

    viewer: Viewer = ANONYMOUS
    address: str = ""

    @property
    def name(self) -> str:
        """One name per person, key or link; nobody's is the address."""
        viewer = self.viewer
        if viewer.role is Role.ANONYMOUS:
            return f"ANONYMOUS:{network(self.address)}"
        return f"{viewer.role}:{viewer.external_id or viewer.order_id or viewer.update_id}"


class Budgets:
    """Counts what callers spend, in this process or, by a Redis URL, in all of them."""

    def __init__(self, redis_url: str | None, budget: int) -> None:
        self._budget = budget
        storage: Any = (
            storage_from_string(f"async+{redis_url}", implementation="redispy")
            if redis_url
            else storage_from_string("async+memory://")
        )
        self._windows = SlidingWindowCounterRateLimiter(storage)
        # Points taken ahead, and not spent yet: so that not each operation asks the store.
        self._ahead: dict[str, int] = {}

    async def spend(self, caller: Caller, *, cost: int, guesses: int) -> None:
        """Take points from a caller's budget. Raises RateLimited when they are not there."""
        name = caller.name
        ahead = self._ahead.get(name, 0) - max(cost, 1)
        if ahead >= 0:
            self._ahead[name] = ahead
        else:
            await self._draw(caller, name, -ahead)
        if guesses and caller.viewer.role not in _SEE_ALL:
            await self._take("guesses", name, guesses, GUESSES)

    async def _draw(self, caller: Caller, name: str, lacking: int) -> None:
        """Take what is lacking, and a hundredth of the budget ahead if there is as much."""
        most = self._budget * _SHARES.get(caller.viewer.role, _SHARES_OF_PEOPLE)
        left, more = self._ahead.pop(name, 0), most // 100
        if len(self._ahead) >= MAX_NAMES:
            self._ahead.clear()
        if more and await self._hit("points", name, lacking + more, most):
            self._ahead[name] = more
            return
        try:
            await self._take("points", name, lacking, most)
        except RateLimited:
            self._ahead[name] = left
            raise

    async def guess(self, address: str) -> None:
        """Take one guess from an address: a credential that was wrong. Raises RateLimited."""
        await self._take("guesses", network(address), 1, GUESSES)

    async def _hit(self, kind: str, name: str, cost: int, most: int) -> bool:
        """Whether there was so much to take. A store that is down closes no shop."""
        return await _answer(self._windows.hit(_per_minute(most, kind), name, cost=cost), True)

    async def _take(self, kind: str, name: str, cost: int, most: int) -> None:
        if await self._hit(kind, name, cost, most):
            return
        window = self._windows.get_window_stats(_per_minute(most, kind), name)
        stats = await _answer(window, None)
        if stats is None:
            return
        wait = max(math.ceil((cost - stats.remaining) * 60 / most), 1)
        raise RateLimited(headers={"Retry-After": str(wait)}, retryAfter=wait)


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


@lru_cache(1_000)
def network(address: str) -> str:
    """The address, or the network of an IPv6 address: one household has more than a billion."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if known.version == 4:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False).network_address)
