"""Parsing of new texts: what it costs, and how it is throttled per address."""

import asyncio
import time
from weakref import WeakValueDictionary

from candor.callers.budgets import network
from candor.engine.complexity import MAX_TOKENS, tokens_in
from candor.engine.documents import Document, Documents
from candor.errors import REFUSAL_COST

# Blanks and comments take time, too, and a string is one token of any length.
_CHARACTERS_PER_POINT = 100
# The pause between two texts of an address: this many times the time that the first one took.
_REST_FACTOR = 3


def parsing_cost(text: str) -> int:
    """The points for parsing and validating a text, estimated before: one per token."""
    return max(min(tokens_in(text), MAX_TOKENS) + len(text) // _CHARACTERS_PER_POINT, REFUSAL_COST)


class DocumentParser:
    """Parses new texts one at a time per address, so that no address delays another."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._queues: WeakValueDictionary[str, _Queue] = WeakValueDictionary()

    async def parse(self, text: str, address: str) -> Document:
        """The document of a text, parsed in turn. Raises Rejected, TooComplex."""
        queue = self._queues.setdefault(network(address), _Queue())
        queue.waiting += 1
        try:
            async with queue.lock:
                return await self._parse(text, queue)
        finally:
            queue.waiting -= 1

    async def _parse(self, text: str, queue: "_Queue") -> Document:
        await asyncio.sleep(0)  # let requests of the same moment queue up
        began = time.perf_counter()
        try:
            return self._documents.get(text)
        finally:
            if queue.waiting > 1:
                await asyncio.sleep(_REST_FACTOR * (time.perf_counter() - began))


class _Queue:
    """The texts of one address that wait, and the one that is being parsed."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
