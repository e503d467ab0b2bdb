"""Stop an abandoned statement of an SQLite connection before it is lent again."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiosqlite import Connection

# Seconds after which a statement that is still running is interrupted again.
_PAUSE = 0.01
_running: set[asyncio.Task[None]] = set()


async def stop(connection: Connection) -> None:
    """Interrupt the running statement until it has ended.

    One interrupt is not enough: it has no effect on a statement that still waits for the thread.
    The marker runs after that statement, since the thread's queue is first in, first out.
    """
    marker = asyncio.ensure_future(connection.execute_fetchall("SELECT 1"))
    while not marker.done():
        await connection.interrupt()
        await asyncio.wait({marker}, timeout=_PAUSE)
    marker.exception()


def release_later(connection: Connection, release: Callable[[], None], *, interrupt: bool) -> None:
    """In the background, roll back what is open and then release the connection.

    Until then it is not lent, so no other task's statement can be interrupted.
    """
    task = asyncio.get_running_loop().create_task(
        _release(connection, release, interrupt=interrupt)
    )
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _release(connection: Connection, release: Callable[[], None], *, interrupt: bool) -> None:
    try:
        with suppress(Exception):  # then it has been closed
            if interrupt:
                await stop(connection)
            await connection.rollback()
    finally:
        release()
