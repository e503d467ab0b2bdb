"""Texts that nobody has sent before: what they cost, and how they are read without haste."""

import asyncio
import time
from weakref import WeakValueDictionary

from candor.callers.budgets import network
from candor.engine.complexity import MAX_TOKENS, tokens_in
from candor.engine.documents import Document, Documents
from candor.errors import REFUSAL_COST

# Blanks and comments are read, too, and a string is one token however long it is.
_CHARACTERS_A_POINT = 100
# Between two texts an address rests so many times as long as the first took.
_REST = 3


def price_of_reading(text: str) -> int:
    """The points for parsing and validating a text, known before either: one a token."""
    return max(min(tokens_in(text), MAX_TOKENS) + len(text) // _CHARACTERS_A_POINT, REFUSAL_COST)


class Reading:
    """Reads new texts, one at a time for an address: nobody waits for another address' texts."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._queues: WeakValueDictionary[str, _Queue] = WeakValueDictionary()

    async def read(self, text: str, address: str) -> Document:
        """The document of a text, when it is its turn. Raises Rejected, TooComplex."""
        queue = self._queues.setdefault(network(address), _Queue())
        queue.waiting += 1
        try:
            async with queue.lock:
                return await self._read(text, queue)
        finally:
            queue.waiting -= 1

    async def _read(self, text: str, queue: "_Queue") -> Document:
        await asyncio.sleep(0)  # those who came at the same moment line up
        began = time.perf_counter()
        try:
            return self._documents.get(text)
        finally:
            if queue.waiting > 1:
                await asyncio.sleep(_REST * (time.perf_counter() - began))


class _Queue:
    """Those of one address who wait for their turn, and the one whose turn it is."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0
