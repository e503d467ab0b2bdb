"""Work for somebody: it ends when they leave, and when it takes too long."""

import asyncio
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive

from candor.errors import OperationTimeout

# Most answers are there before it pays to look whether anybody still waits for them.
LOOK_AFTER = 0.25


class Departed(Exception):
    """The client left before the answer was there."""


class Deadline:
    """Cancels what runs inside, when it takes too long or when the client leaves.

    Raises OperationTimeout and Departed. Without `receive` nobody can leave.
    """

    def __init__(self, seconds: float, receive: Receive | None = None) -> None:
        self._seconds = seconds
        self._receive = receive
        self._task: asyncio.Task[Any] | None = None
        self._reason: Exception | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        self._cancelling = self._task.cancelling() if self._task else 0
        # One timer for those that are soon done: nearly all.
        soon = min(LOOK_AFTER, self._seconds)
        self._timer = loop.call_later(soon, self._look, self._seconds - soon)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._reason is None or self._task is None:
            return
        # As asyncio.timeout does it: only the cancellation that is ours becomes an error.
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            raise self._reason from None

    def _look(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._stop, OperationTimeout())
        if self._receive is not None:
            self._watcher = loop.create_task(self._watch(self._receive))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._stop(Departed())

    def _stop(self, reason: Exception) -> None:
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()
