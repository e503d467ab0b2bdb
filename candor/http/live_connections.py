"""The live connections of this process: how many there may be, and how long each may last."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from candor.callers.budgets import Caller
from candor.callers.identify import Callers
from candor.errors import RequestError, ServerEnds, TooManyStreams
from candor.masking import masked
from candor.operating.metrics import Metrics

MAX_STREAMS = 2_000
MAX_STREAMS_OF_ONE = 50
# How often a credential is looked at again: it may have expired, a key or link been revoked. A
# token is good for half a minute beyond its end, and nothing is told a minute after it.
LOOK_AGAIN_SECONDS = 25.0


class Streams:
    """Counts the live connections, and ends those that may not go on."""

    def __init__(self, metrics: Metrics, callers: Callers, ending: asyncio.Event) -> None:
        self._metrics = metrics
        self._callers = callers
        self._ending = ending
        self._open: Counter[str] = Counter()

    @contextmanager
    def opened(
        self, caller: Caller, authorization: str | None, transport: str
    ) -> Iterator[asyncio.Task[RequestError]]:
        """Hold a place for a connection. What it gives is done when the connection must end.

        Raises TooManyStreams, ServerEnds.
        """
        name = caller.name
        if self._ending.is_set():
            raise ServerEnds
        if self._open.total() >= MAX_STREAMS or self._open[name] >= MAX_STREAMS_OF_ONE:
            raise TooManyStreams
        self._open[name] += 1
        over = asyncio.ensure_future(self._reason_to_end(authorization))
        try:
            with self._metrics.stream(transport):
                yield over
        finally:
            over.cancel()
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]

    async def _reason_to_end(self, authorization: str | None) -> RequestError:
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN_SECONDS if authorization else None):
                    await self._ending.wait()
                    return ServerEnds()
            except TimeoutError:
                pass
            try:
                await self._callers.look_again(authorization)
            except RequestError as error:
                return error
            except Exception as error:  # noqa: BLE001 - the database may be back at the next look
                masked(error)
