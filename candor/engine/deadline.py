"""Deadlines: an operation is cancelled when it takes too long or when its client leaves."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self

from starlette.types import Receive

from candor.errors import OperationTimeout, Outage
from models import outcome
from resolvers import outages

# Seconds. Most operations finish before checking for a disconnect is worth it.
WATCH_AFTER = 0.25
CHECK_EVERY = 0.1


class Departed(Exception):
    """The client left before the response was ready."""


class Deadlines:
    """Checks all running operations with one periodic timer.

    A timer for each operation would cost more. So an operation may be cancelled up to CHECK_EVERY
    seconds late.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pause = min(CHECK_EVERY, seconds)
        self._open: set[Deadline] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, receive: Receive | None = None, *, spent: float = 0.0) -> "Deadline":
        """The deadline of work that begins now. Without `receive`, disconnects go unnoticed.

        `spent`: seconds already used for the same request.
        """
        return Deadline(self, receive, spent)

    def enter(self, deadline: "Deadline") -> asyncio.AbstractEventLoop:
        self._open.add(deadline)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop = loop
            loop.call_later(self._pause, self._check_all, loop)
        return loop

    def leave(self, deadline: "Deadline") -> None:
        self._open.discard(deadline)

    def _check_all(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._open:
            self._loop = None
            return
        loop.call_later(self._pause, self._check_all, loop)
        now = time.monotonic()
        for deadline in self._open:
            age = now - deadline.began
            if age >= self._seconds:
                deadline.stop(OperationTimeout())
            elif age >= WATCH_AFTER:
                deadline.watch_client(loop)


class Deadline:
    """Cancels the block inside when it takes too long or when the client leaves.

    Raises OperationTimeout (nothing was stored), Outage (something may have been), and Departed.
    """

    __slots__ = (
        "_cancelling",
        "_deadlines",
        "_outcome",
        "_reason",
        "_receive",
        "_spent",
        "_task",
        "_token",
        "_watcher",
        "began",
    )

    def __init__(self, deadlines: Deadlines, receive: Receive | None, spent: float) -> None:
        self._deadlines = deadlines
        self._receive = receive
        self._spent = spent
        self._reason: Exception | None = None
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self.began = time.monotonic() - self._spent
        loop = self._deadlines.enter(self)
        self._task: asyncio.Task[Any] | None = asyncio.current_task(loop)
        self._cancelling = self._task.cancelling() if self._task else 0
        self._outcome = outcome.Outcome()
        self._token = outcome.current.set(self._outcome)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._deadlines.leave(self)
        outcome.current.reset(self._token)
        if self._watcher is not None:
            self._watcher.cancel()
        if self._reason is None or self._task is None:
            return
        # As in asyncio.timeout: only our own cancellation becomes an error.
        ours = self._task.uncancel() <= self._cancelling
        if ours and kind is not None and issubclass(kind, asyncio.CancelledError):
            if isinstance(self._reason, OperationTimeout) and not self._outcome.is_nothing:
                raise Outage(outages.unknown_outcome(self._outcome)) from None
            raise self._reason from None

    @property
    def spent(self) -> float:
        """The seconds used so far."""
        return time.monotonic() - self.began

    def watch_client(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start to wait for the client's disconnect, unless that has been done."""
        if self._receive is not None and self._watcher is None:
            self._watcher = loop.create_task(self._watch(self._receive))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.stop(Departed())

    def stop(self, reason: Exception) -> None:
        if self._reason is None and self._task is not None:
            self._reason = reason
            self._task.cancel()
