"""How many live connections there may be, in all and of one caller."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from candor.budgets import Caller
from candor.errors import TooManyStreams
from candor.metrics import Metrics

MAX_STREAMS = 2_000
MAX_STREAMS_OF_ONE = 50


class Streams:
    """Counts the live connections of this process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._open: Counter[str] = Counter()

    @contextmanager
    def opened(self, caller: Caller, transport: str) -> Iterator[None]:
        """Hold a place for a connection. Raises TooManyStreams."""
        name = caller.name
        if self._open.total() >= MAX_STREAMS or self._open[name] >= MAX_STREAMS_OF_ONE:
            raise TooManyStreams
        self._open[name] += 1
        try:
            with self._metrics.stream(transport):
                yield
        finally:
            self._open[name] -= 1
            if not self._open[name]:
                del self._open[name]
