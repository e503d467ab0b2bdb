"""Subscribers with the same operation, variables, viewer and language: each event is executed once.

What an event looks like depends on nothing else: an operation's context is made of its viewer and
language, and its answers know no address or host. So all anonymous readers of one document in one
language are one audience, and so are the windows of one person; two persons never are.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import ExecutionResult, GraphQLError

from candor.engine.answer_body import Body
from candor.engine.documents import Operation
from candor.engine.fast.answer_length import TooLong
from candor.errors import EventsMissed, RequestError, TooSlow
from candor.masking import masked
from models.announcements import Missed
from resolvers.errors import Refusal
from resolvers.viewer import Viewer

# Answers, and bytes of them, that may wait for one subscriber: more than any burst of ours, so one
# that falls further behind does not read.
MAX_WAITING, MAX_WAITING_BYTES = 10_000, 8_000_000
# Seconds that an audience rests for each of its subscribers after it told them something. What
# comes meanwhile they are told together, so that a busy site does not spend its time on telling.
REST, MAX_REST = 0.002, 1.0

Results = AsyncIterator[ExecutionResult]
MakeBody = Callable[..., Body]


@dataclass(eq=False)
class Subscriber:
    """The answers that wait for one subscriber."""

    _waiting: list[Body] = field(default_factory=list)
    _bytes: int = 0
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _is_over: bool = False
    _reason: Callable[[], RequestError] | None = None

    def tell(self, bodies: list[Body], size: int) -> None:
        """Add answers of this many bytes; one that reads too slowly gets nothing more."""
        if self._is_over:
            return
        self._waiting += bodies
        self._bytes += size
        if len(self._waiting) > MAX_WAITING or self._bytes > MAX_WAITING_BYTES:
            self._waiting.clear()
            self.end(TooSlow)
        self._arrived.set()

    def end(self, reason: Callable[[], RequestError] | None) -> None:
        """Nothing more will come; `take` raises the reason, if there is one, after what waits."""
        if not self._is_over:
            self._is_over, self._reason = True, reason
            self._arrived.set()

    async def take(self) -> list[Body]:
        """The next answers, all that wait; none when the stream is over. Raises its reason."""
        if not self._waiting and not self._is_over:
            self._arrived.clear()
            await self._arrived.wait()
        if not self._waiting and self._reason is not None:
            raise self._reason()
        bodies, self._waiting, self._bytes = self._waiting, [], 0
        return bodies


class Audience:
    """The subscribers of one stream of results."""

    def __init__(
        self,
        operation: Operation,
        results: Results,
        make: MakeBody,
        too_long: Callable[[], RequestError],
    ) -> None:
        # Kept, so that no other operation gets its id.
        self.operation = operation
        self.subscribers: set[Subscriber] = set()
        self._results = results
        self._make = make
        self._too_long = too_long
        self._untold: list[Body] = []
        self._timer: asyncio.TimerHandle | None = None
        self._rests_until = 0.0
        self._telling: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tell the subscribers, until the stream is over."""
        if self._telling is None:
            self._telling = asyncio.ensure_future(self._tell())

    @property
    def is_over(self) -> bool:
        return self._telling is not None and self._telling.done()

    async def _tell(self) -> None:
        reason: Callable[[], RequestError] | None = None
        try:
            async for result in self._results:
                self._add(self._make(result, started=result.data is not None))
        except Refusal as refused:
            error = GraphQLError(refused.message, original_error=refused)
            self._add(self._make(ExecutionResult(None, [error]), started=False))
        except Missed:
            reason = EventsMissed
        except TooLong:
            reason = self._too_long
        except Exception as bug:  # noqa: BLE001 - it ends the stream, and is logged once
            self._add(Body(errors=[masked(bug)]))
        finally:
            close = getattr(self._results, "aclose", None)
            if close is not None:
                await close()
        self._flush()
        for each in self.subscribers:
            each.end(reason)

    def _add(self, body: Body) -> None:
        self._untold.append(body)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._rests_until, loop.time()), self._flush)

    def _flush(self) -> None:
        bodies, self._untold = self._untold, []
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if bodies:
            size = sum(len(body.octets) for body in bodies)
            for each in self.subscribers:
                each.tell(bodies, size)
        rest = min(REST * len(self.subscribers), MAX_REST)
        self._rests_until = asyncio.get_running_loop().time() + rest

    async def close(self) -> None:
        """End it, because nobody listens any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait({self._telling})


class Audiences:
    """The audiences of this process."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Audience] = {}

    @asynccontextmanager
    async def joined(
        self,
        operation: Operation,
        variables: dict[str, Any] | None,
        reader: tuple[Viewer, str],
        gather: Callable[[], Awaitable[Audience]],
    ) -> AsyncIterator[Subscriber]:
        """A new subscriber of the audience of this stream, which is gathered for the first one.

        Raises what `gather` raises.
        """
        values = orjson.dumps(variables or {}, option=orjson.OPT_SORT_KEYS)
        key = id(operation), values, reader
        if self._find(key) is None:
            gathered = await gather()
            # Another first one may have come meanwhile.
            if self._find(key) is None:
                self._open[key] = gathered
        audience = self._open[key]
        subscriber = Subscriber()
        audience.subscribers.add(subscriber)
        audience.start()
        try:
            yield subscriber
        finally:
            audience.subscribers.discard(subscriber)
            if not audience.subscribers:
                if self._open.get(key) is audience:
                    del self._open[key]
                await audience.close()

    def _find(self, key: Hashable) -> Audience | None:
        audience = self._open.get(key)
        return None if audience is None or audience.is_over else audience
