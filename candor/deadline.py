"""Work for somebody: it ends when they leave, and when it takes too long."""

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive

from candor.errors import OperationTimeout

# Most answers are there before it pays to look whether anybody still waits for them.
LOOK_AFTER = 0.05


class Departed(Exception):
    """The client left before the answer was there."""


class Deadline:
    """Cancels what runs inside: raises OperationTimeout after some seconds, Departed when the
    client disconnects. Without `receive` nobody can leave."""

    def __init__(self, seconds: float, receive: Receive | None = None) -> None:
        self._seconds = seconds
        self._receive = receive
        self._reason: Exception | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._timers = [loop.call_later(self._seconds, self._stop, OperationTimeout())]
        if self._receive is not None:
            self._timers.append(loop.call_later(LOOK_AFTER, self._look))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._reason is None:
            return
        # As asyncio.timeout does it: only the cancellation that is ours becomes an error.
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._reason from None

    def _look(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        assert self._receive is not None
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._stop(Departed())

    def _stop(self, reason: Exception) -> None:
        if self._reason is None:
            self._reason = reason
            self._task.cancel()
