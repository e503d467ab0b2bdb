"""Stop what an SQLite connection still does for somebody who left, before the next one gets it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from aiosqlite import Connection

# Seconds after which a statement that still runs is interrupted again.
_PAUSE = 0.01
_running: set[asyncio.Task[None]] = set()


async def stop(connection: Connection) -> None:
    """Interrupt what runs, until it has ended.

    Once would not do: an interrupt is lost on a statement that still waits for the thread. The
    marker runs after it, for the thread's queue is first in, first out.
    """
    marker = asyncio.ensure_future(connection.execute_fetchall("SELECT 1"))
    while not marker.done():
        await connection.interrupt()
        await asyncio.wait({marker}, timeout=_PAUSE)
    marker.exception()


def take_back(connection: Connection, then: Callable[[], None], *, interrupt: bool) -> None:
    """Roll back what is open, and then give the connection to the next one. Nobody waits for it.

    Only the loan that ended can be running meanwhile: no stranger's statement is interrupted.
    """
    task = asyncio.get_running_loop().create_task(_take_back(connection, then, interrupt=interrupt))
    _running.add(task)
    task.add_done_callback(_running.discard)


async def _take_back(connection: Connection, then: Callable[[], None], *, interrupt: bool) -> None:
    try:
        with suppress(Exception):  # then it was closed meanwhile
            if interrupt:
                await stop(connection)
            await connection.rollback()
    finally:
        then()
