"""What a caller may spend in a minute: points of cost, and a few guesses."""

import asyncio
import ipaddress
import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from candor.errors import RateLimited
from resolvers.viewer import ANONYMOUS, Role, Viewer

if TYPE_CHECKING:
    from candor.callers.redis_budgets import SharedBudgets

# How many times nobody's budget somebody has: a storefront's server and its visitors share a key.
_SHARES = {Role.ANONYMOUS: 1, Role.GUEST: 1, Role.INTEGRATION: 50}
_SHARES_OF_PEOPLE = 5
# Numbers of orders, tokens of links, bad credentials: things that somebody could try one by one.
GUESSES = 60
# Beyond so many callers those are forgotten who came first.
MAX_NAMES = 200_000
MINUTE = 60.0
# Whoever has nothing left hears so after so many seconds: else those who ask on and on would keep
# the server busy with nothing but saying no.
PAUSE = 0.25
# Whoever sees every order anyway has nothing to guess.
_SEE_ALL = {Role.STAFF, Role.ADMIN}


class Caller(NamedTuple):
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
        self._own = _Own()
        self._shared = _shared(redis_url) if redis_url else None

    async def spend(self, caller: Caller, *, cost: int, guesses: int) -> None:
        """Take points from a caller's budget. Raises RateLimited when they are not there."""
        name, role = caller.name, caller.viewer.role
        most = self._budget * _SHARES.get(role, _SHARES_OF_PEOPLE)
        if cost > 0:
            await self._take("points", name, cost, most)
        if guesses and role not in _SEE_ALL and not caller.viewer.feeds_orders:
            await self._take("guesses", name, guesses, GUESSES)

    async def guess(self, address: str) -> None:
        """Take one guess from an address: a credential that was wrong. Raises RateLimited."""
        await self._take("guesses", network(address), 1, GUESSES)

    async def _take(self, kind: str, name: str, cost: int, most: int) -> None:
        if self._shared is None:
            lacking = self._own.take(kind, name, cost, most)
        else:
            lacking = await self._shared.take(kind, name, cost, most)
        if lacking > 0:
            await asyncio.sleep(PAUSE)
            wait = max(math.ceil(lacking * MINUTE / most), 1)
            raise RateLimited(headers={"Retry-After": str(wait)}, retryAfter=wait)


def _shared(redis_url: str) -> "SharedBudgets":
    from candor.callers.redis_budgets import SharedBudgets  # noqa: PLC0415 - it needs an extra

    return SharedBudgets(redis_url)


class _Own:
    """What was taken in this minute and in the one before.

    Of the latter only the part counts that is less than a minute ago.
    """

    def __init__(self) -> None:
        self._now: dict[tuple[str, str], int] = {}
        self._before: dict[tuple[str, str], int] = {}
        self._began = time.monotonic()

    def take(self, kind: str, name: str, cost: int, most: int) -> float:
        """Take so much, if that is there. Gives how much is lacking."""
        elapsed = time.monotonic() - self._began
        if elapsed >= MINUTE or len(self._now) >= MAX_NAMES:
            elapsed = self._turn(elapsed)
        key = kind, name
        taken = self._now.get(key, 0)
        counts = taken + self._before.get(key, 0) * (1 - elapsed / MINUTE)
        if counts + cost <= most:
            self._now[key] = taken + cost
        return counts + cost - most

    def _turn(self, elapsed: float) -> float:
        """Begin a new minute. Gives how much of it is over: nothing, when it begins too soon."""
        self._before = self._now if elapsed < 2 * MINUTE else {}
        self._now = {}
        over = elapsed % MINUTE if elapsed >= MINUTE else 0.0
        self._began = time.monotonic() - over
        return over


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
