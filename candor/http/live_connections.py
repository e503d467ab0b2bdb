"""Limits the number and the lifetime of this process's live connections."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from candor.callers.budgets import Caller
from candor.callers.identify import Identifier
from candor.errors import RequestError, ServerEnds, TooManyStreams
from candor.masking import masked
from candor.operating.metrics import Metrics

MAX_STREAMS = 2_000
MAX_STREAMS_OF_ONE = 50
# How often a credential is checked again: a token may have expired, a key or link been revoked.
# With a token's leeway of 30 s, nothing is sent a minute after its end.
RECHECK_SECONDS = 25.0
# A member of the team who was deactivated receives nothing a second later.
TEAM_RECHECK_SECONDS = 0.4


class LiveConnections:
    """Counts the live connections, and ends those that may not continue."""

    def __init__(self, metrics: Metrics, identifier: Identifier, ending: asyncio.Event) -> None:
        self._metrics = metrics
        self._identifier = identifier
        self._ending = ending
        self._open: Counter[str] = Counter()

    @contextmanager
    def hold(
        self, caller: Caller, authorization: str | None, transport: str
    ) -> Iterator[asyncio.Task[RequestError]]:
        """Count a connection. The task that it gives is done when the connection must end.

        Raises TooManyStreams, ServerEnds.
        """
        name = caller.name
        if self._ending.is_set():
            raise ServerEnds
        if self._open.total() >= MAX_STREAMS or self._open[name] >= MAX_STREAMS_OF_ONE:
            raise TooManyStreams
        self._open[name] += 1
        over = asyncio.ensure_future(self._reason_to_end(caller, authorization))
        try:
            with self._metrics.stream(transport):
                yield over
        finally:
            over.cancel()
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]

    async def _reason_to_end(self, caller: Caller, authorization: str | None) -> RequestError:
        seconds = TEAM_RECHECK_SECONDS if caller.viewer.is_team else RECHECK_SECONDS
        while True:
            try:
                async with asyncio.timeout(seconds if authorization else None):
                    await self._ending.wait()
                    return ServerEnds()
            except TimeoutError:
                pass
            try:
                await self._identifier.recheck(authorization)
            except RequestError as error:
                return error
            except Exception as error:  # noqa: BLE001 - the database may be back at the next check
                masked(error)
