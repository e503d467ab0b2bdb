"""What an operation has stored so far, including commits whose outcome is unknown."""

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import TracebackType
from typing import TypeVar

from models.unavailable import Collided, OutcomeUnknown, translated

T = TypeVar("T")

_WRITE = re.compile(r"\b(INSERT|REPLACE)( OR \w+)? INTO\b|(?<!FOR )\bUPDATE\b|\bDELETE FROM\b")
_READ = re.compile(r"\s*(SELECT|WITH)\b")


class Outcome:
    """Counts of commits: each COMMIT, and each write that is a transaction of its own."""

    __slots__ = ("advice", "stored", "unknown")

    def __init__(self, advice: list[str] | None = None) -> None:
        # What the client can do if a commit's outcome is unknown, for each part begun.
        self.advice = [] if advice is None else advice
        self.stored = 0
        # Sent, without a response (so far).
        self.unknown = 0

    @property
    def is_nothing(self) -> bool:
        """Whether certainly nothing was stored."""
        return not self.stored and not self.unknown


current: ContextVar[Outcome | None] = ContextVar("outcome", default=None)


@contextmanager
def watched(advice: str | None = None) -> Iterator[Outcome]:
    """Count the commits inside; at the end they are added to those of the enclosing block.

    `advice` is for this part alone; without it, the enclosing block's is used.
    """
    outer = current.get()
    outcome = Outcome([advice] if advice else outer.advice if outer else None)
    token = current.set(outcome)
    try:
        yield outcome
    finally:
        current.reset(token)
        if outer is not None:
            outer.stored += outcome.stored
            outer.unknown += outcome.unknown
            if advice:
                outer.advice.append(advice)


async def retry_once(work: Callable[[], Awaitable[T]]) -> T:
    """Do the work; repeat it once if it was undone by a collision with another transaction.

    It is not repeated if one of its transactions was stored: it would meet its own rows.
    """
    with watched() as outcome:
        try:
            return await work()
        except Collided:
            if outcome.stored:
                raise
        return await work()


class Commit:
    """Around a statement that commits: counts it, and whether it was stored.

    Drivers' errors are translated by `models.unavailable`.
    """

    __slots__ = ("_outcome",)

    def __enter__(self) -> None:
        self._outcome = current.get()
        if self._outcome is not None:
            self._outcome.unknown += 1

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish(stored=True)
        elif isinstance(error, Exception):
            unavailable = translated(error, commits=True)
            if not isinstance(unavailable, OutcomeUnknown):
                self._finish(stored=False)
            if unavailable is not None:
                raise unavailable from error

    def _finish(self, *, stored: bool) -> None:
        if self._outcome is not None:
            self._outcome.unknown -= 1
            self._outcome.stored += stored


class NoCommit:
    """Around any other statement: drivers' errors are translated by `models.unavailable`."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and (unavailable := translated(error)) is not None:
            raise unavailable from error


NO_COMMIT = NoCommit()


def around(statement: str) -> Commit | NoCommit:
    """The context manager for a statement outside transactions."""
    return Commit() if _writes(statement) else NO_COMMIT


@lru_cache(2_000)
def _writes(statement: str) -> bool:
    return _WRITE.search(statement) is not None


@lru_cache(2_000)
def only_reads(statement: str) -> bool:
    """Whether it certainly changes nothing. (Tortoise rewrites a text that holds a NUL.)"""
    reads = _READ.match(statement) is not None
    return reads and not _writes(statement) and "\x00" not in statement
