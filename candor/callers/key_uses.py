"""Records when API keys were last used: in the background, at most once a minute per key."""

import asyncio
import logging
from datetime import timedelta

from models import ApiKey, clock

INTERVAL = timedelta(minutes=1)
log = logging.getLogger("candor.keys")
# Kept, so that the loop does not drop them. One per key.
_tasks: dict[str, asyncio.Task[None]] = {}


def record_use(key: ApiKey) -> None:
    """Record the use of a key that was just read. Nothing waits for the write."""
    if key.last_used_at is not None and clock.now() - key.last_used_at < INTERVAL:
        return
    task = _tasks.get(key.name)
    if task is None or task.get_loop() is not asyncio.get_running_loop():
        _tasks[key.name] = asyncio.create_task(_write(key))


async def _write(key: ApiKey) -> None:
    try:
        # Unless another process was first.
        unchanged = ApiKey.filter(id=key.id, last_used_at=key.last_used_at)
        await unchanged.update(last_used_at=clock.now())
    except Exception as error:  # noqa: BLE001 - the request goes on
        log.warning("the use of a key cannot be written: %s", type(error).__name__)
        await asyncio.sleep(INTERVAL.total_seconds())
    finally:
        _tasks.pop(key.name, None)
