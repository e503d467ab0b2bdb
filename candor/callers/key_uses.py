"""When API keys were used last: written beside requests, once a minute a key at most."""

import asyncio
import logging
from datetime import timedelta

from models import ApiKey, clock

EACH = timedelta(minutes=1)
log = logging.getLogger("candor.keys")
# Held so that they are not lost; there is one a key.
_writing: dict[str, asyncio.Task[None]] = {}


def note(key: ApiKey) -> None:
    """Have it written that this key, as it was just read, is used. Nobody waits for that."""
    if key.last_used_at is not None and clock.now() - key.last_used_at < EACH:
        return
    known = _writing.get(key.name)
    if known is None or known.get_loop() is not asyncio.get_running_loop():
        _writing[key.name] = asyncio.create_task(_write(key))


async def _write(key: ApiKey) -> None:
    try:
        # Unless another process has.
        unchanged = ApiKey.filter(id=key.id, last_used_at=key.last_used_at)
        await unchanged.update(last_used_at=clock.now())
    except Exception as error:  # noqa: BLE001 - the request goes on
        log.warning("the use of a key cannot be written: %s", type(error).__name__)
        await asyncio.sleep(EACH.total_seconds())
    finally:
        _writing.pop(key.name, None)
