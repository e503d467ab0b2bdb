"""Budgets: the points of cost and the guesses that a caller may spend in a minute."""

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

# Budget multipliers by role; anonymous callers have 1. A storefront's visitors share one API key.
_MULTIPLIERS = {Role.ANONYMOUS: 1, Role.GUEST: 1, Role.INTEGRATION: 50}
_MULTIPLIER_OF_PEOPLE = 5
# Per minute. Guesses are order numbers, link tokens and bad credentials.
GUESSES = 60
# Above this many callers, the oldest are evicted.
MAX_CALLERS = 200_000
MINUTE = 60.0
# Seconds before RateLimited is sent, so that clients that do not stop cannot keep the server busy
# with refusals.
REFUSAL_DELAY = 0.25
# They see every order anyway, so nothing is a guess.
_SEE_ALL = {Role.STAFF, Role.MODERATOR, Role.ADMIN}


class Caller(NamedTuple):
    """Who sends a request, from which address, and the language that they read."""

    viewer: Viewer = ANONYMOUS
    address: str = ""
    language: str = "en"

    @property
    def name(self) -> str:
        """One name per person, key or link; of anonymous callers, the address."""
        viewer = self.viewer
        if viewer.role is Role.ANONYMOUS:
            return f"ANONYMOUS:{network(self.address)}"
        return f"{viewer.role}:{viewer.external_id or viewer.order_id or viewer.update_id}"


class Budgets:
    """Counts what callers spend: in this process or, with a Redis URL, in all processes."""

    def __init__(self, redis_url: str | None, budget: int) -> None:
        self._budget = budget
        self._own = LocalBudgets()
        self._shared = _shared(redis_url) if redis_url else None

    async def spend(self, caller: Caller, *, cost: int, guesses: int) -> None:
        """Take points and guesses from the budget of a caller. Raises RateLimited."""
        name, role = caller.name, caller.viewer.role
        if cost > 0:
            await self._take("points", name, cost, self.most(caller))
        if guesses and role not in _SEE_ALL and not caller.viewer.feeds_orders:
            await self._take("guesses", name, guesses, GUESSES)

    def most(self, caller: Caller) -> int:
        """The points that this caller may spend in a minute."""
        return self._budget * _MULTIPLIERS.get(caller.viewer.role, _MULTIPLIER_OF_PEOPLE)

    async def guess(self, address: str) -> None:
        """Count a wrong credential as a guess of this address. Raises RateLimited."""
        await self._take("guesses", network(address), 1, GUESSES)

    async def _take(self, kind: str, name: str, cost: int, most: int) -> None:
        if self._shared is None:
            lacking = self._own.take(kind, name, cost, most)
        else:
            lacking = await self._shared.take(kind, name, cost, most)
        if lacking > 0:
            await asyncio.sleep(REFUSAL_DELAY)
            wait = max(math.ceil(lacking * MINUTE / most), 1)
            raise RateLimited(headers={"Retry-After": str(wait)}, retryAfter=wait)


def _shared(redis_url: str) -> "SharedBudgets":
    from candor.callers.redis_budgets import SharedBudgets  # noqa: PLC0415 - it needs an extra

    return SharedBudgets(redis_url)


class LocalBudgets:
    """A sliding window over the current minute and the one before, in this process.

    Of the minute before, the share counts that is less than a minute old.
    """

    def __init__(self) -> None:
        self._current: dict[tuple[str, str], int] = {}
        self._previous: dict[tuple[str, str], int] = {}
        self._began = time.monotonic()

    def take(self, kind: str, name: str, cost: int, most: int) -> float:
        """Take this cost if that much is left. Gives how much is missing, if more than 0."""
        elapsed = time.monotonic() - self._began
        if elapsed >= MINUTE or len(self._current) >= MAX_CALLERS:
            elapsed = self._start_minute(elapsed)
        key = kind, name
        taken = self._current.get(key, 0)
        counts = taken + self._previous.get(key, 0) * (1 - elapsed / MINUTE)
        if counts + cost <= most:
            self._current[key] = taken + cost
        return counts + cost - most

    def _start_minute(self, elapsed: float) -> float:
        """Start a new minute. Gives the seconds of it that have passed; 0 if it starts early."""
        self._previous = self._current if elapsed < 2 * MINUTE else {}
        self._current = {}
        over = elapsed % MINUTE if elapsed >= MINUTE else 0.0
        self._began = time.monotonic() - over
        return over


@lru_cache(1_000)
def network(address: str) -> str:
    """The address, or the /64 network of an IPv6 address: one household has billions."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((parsed, 64), strict=False).network_address)
