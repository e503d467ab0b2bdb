"""Wait for what is to happen, instead of for as long as it takes on one machine."""

import asyncio
import gc
import inspect

from candor.engine.audiences import Audience
from models import announcements, sql

# The connection that listens asks the time, first when it has begun to listen.
LISTENING = (
    "pid IN (SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND query = 'SELECT clock_timestamp()')"
)
_WAITS_FOR_A_LOCK = (
    "SELECT 1 AS one FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


async def until(condition, seconds=30):
    """What the condition gives, once it holds: a function, or one to be awaited.

    The limit is for what never happens; a busy machine may take its time.
    """
    async with asyncio.timeout(seconds):
        while not (value := await _value_of(condition)):
            await asyncio.sleep(0.01)
    return value


async def never(condition, seconds=0.3):
    """Fail as soon as a condition holds that must not, within this time."""
    ends = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < ends:
        assert not await _value_of(condition)
        await asyncio.sleep(0.01)


async def _value_of(condition):
    value = condition()
    return await value if inspect.isawaitable(value) else value


async def until_subscribed(topic="review", times=1):
    """Until as many subscriptions of this process wait for a topic."""
    await until(lambda: len(announcements._listeners.get(topic, ())) >= times)


async def until_joined(times):
    """Until as many subscribers of this process hear something, in whatever audiences."""
    await until(lambda: _subscribers() == times)


def _subscribers():
    audiences = (each for each in gc.get_objects() if type(each) is Audience)
    return sum(len(each.subscribers) for each in audiences)


async def until_listening():
    """Until this process hears others on PostgreSQL; on SQLite there are no others."""
    if sql.is_postgres():
        await until(lambda: sql.fetch(f"SELECT pid FROM pg_stat_activity WHERE {LISTENING}"))


async def until_locked():
    """Until a statement waits for a lock of another connection on PostgreSQL."""
    await until(lambda: sql.fetch(_WAITS_FOR_A_LOCK))
