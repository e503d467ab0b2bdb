import asyncio
import time
from itertools import pairwise

from mailers.worker.rate_limit import Tempo


async def taken(tempo, turns, over=None):
    """When each of so many tasks got its turn."""
    over = over or asyncio.Event()

    async def one():
        return time.monotonic() if await tempo.turn(over) else None

    return await asyncio.gather(*(one() for _ in range(turns)))


async def test_turns_are_evenly_spaced_whoever_waits_for_them():
    times = sorted(await taken(Tempo(50), 11))

    assert 0.18 < times[-1] - times[0] < 1.0
    assert min(after - before for before, after in pairwise(times)) > 0.005


async def test_nobody_saves_up_turns():
    tempo = Tempo(50)
    await taken(tempo, 1)
    await asyncio.sleep(0.3)

    times = sorted(await taken(tempo, 6))

    assert times[-1] - times[0] > 0.08


async def test_without_a_limit_nobody_waits():
    times = await taken(Tempo(None), 1000)

    assert max(times) - min(times) < 0.5


async def test_a_relay_that_throttles_gets_half_as_many():
    tempo, unlimited = Tempo(50), Tempo(None)
    for each in (tempo, unlimited):
        each.be_careful()

    times = sorted(await taken(tempo, 6))

    assert (tempo.now, unlimited.now) == (25, None)
    assert times[-1] - times[0] > 0.18


async def test_whoever_waits_for_a_far_turn_is_sent_home_at_the_end():
    over, tempo = asyncio.Event(), Tempo(0.01)
    waiting = asyncio.create_task(taken(tempo, 3, over))
    await asyncio.sleep(0.05)
    over.set()

    async with asyncio.timeout(1):
        times = await waiting

    assert times.count(None) == 2
