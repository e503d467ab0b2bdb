"""Statements that may read a large part of a table: few at once, so that others need not wait."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from resolvers.errors import ScanTimeout
from resolvers.viewer import Role, Viewer

# Of the pool's connections in `models.database`, or the readers of SQLite; each has 8.
MAX_AT_ONCE = 2
# Seconds that a statement of somebody without a token may take, with waiting. An operation of
# others has only its own limit.
ANONYMOUS_SECONDS = 2.0

_slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()


@asynccontextmanager
async def scanning(viewer: Viewer, *, only_if: bool = True) -> AsyncIterator[None]:
    """Run such a statement in this block; first come, first served. Raises ScanTimeout.

    `only_if` it may be such a statement; any other runs at once.
    """
    if not only_if:
        yield
        return
    loop = asyncio.get_running_loop()
    slots = _slots.setdefault(loop, asyncio.Semaphore(MAX_AT_ONCE))
    seconds = ANONYMOUS_SECONDS if viewer.role is Role.ANONYMOUS else None
    try:
        async with asyncio.timeout(seconds) as limit, slots:
            yield
    except TimeoutError:
        if limit.expired():
            raise ScanTimeout from None
        raise
