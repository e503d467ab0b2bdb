import asyncio
import time
from itertools import pairwise

from mailers.worker.rate_limit import RateLimiter


async def slots(limiter, count, stopping=None):
    """When each of this many tasks got its slot; None for those that were stopped."""
    stopping = stopping or asyncio.Event()

    async def one():
        return time.monotonic() if await limiter.wait_for_slot(stopping) else None

    return await asyncio.gather(*(one() for _ in range(count)))


async def test_slots_are_evenly_spaced_for_tasks_that_wait_together():
    times = sorted(await slots(RateLimiter(50), 11))

    assert 0.18 < times[-1] - times[0] < 1.0
    assert min(after - before for before, after in pairwise(times)) > 0.005


async def test_unused_slots_are_lost():
    limiter = RateLimiter(50)
    await slots(limiter, 1)
    await asyncio.sleep(0.3)

    times = sorted(await slots(limiter, 6))

    assert times[-1] - times[0] > 0.08


async def test_without_a_limit_nobody_waits():
    times = await slots(RateLimiter(None), 1000)

    assert max(times) - min(times) < 0.5


async def test_after_throttling_the_rate_is_halved():
    limiter, unlimited = RateLimiter(50), RateLimiter(None)
    for each in (limiter, unlimited):
        each.throttle()

    times = sorted(await slots(limiter, 6))

    assert (limiter.rate, unlimited.rate) == (25, None)
    assert times[-1] - times[0] > 0.18


async def test_a_stop_ends_the_wait_for_a_distant_slot():
    stopping, limiter = asyncio.Event(), RateLimiter(0.01)
    waiting = asyncio.create_task(slots(limiter, 3, stopping))
    await asyncio.sleep(0.05)
    stopping.set()

    async with asyncio.timeout(1):
        times = await waiting

    assert times.count(None) == 2
