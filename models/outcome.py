"""What an operation has had stored so far, and whether anybody knows."""

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
    """Counts of decisions: a COMMIT, or a write that is a transaction of its own."""

    __slots__ = ("advice", "stored", "unknown")

    def __init__(self, advice: list[str] | None = None) -> None:
        # What to do when nobody knows, of everything that was begun.
        self.advice = [] if advice is None else advice
        self.stored = 0
        # Sent, and not answered (yet).
        self.unknown = 0

    @property
    def is_nothing(self) -> bool:
        """Whether it is known that nothing was stored."""
        return not self.stored and not self.unknown


current: ContextVar[Outcome | None] = ContextVar("outcome", default=None)


@contextmanager
def watched(advice: str | None = None) -> Iterator[Outcome]:
    """Watch what is stored inside; whoever watches from outside learns of it afterwards.

    `advice` is for this part alone; without any, that of the whole holds.
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


async def once_more(work: Callable[[], Awaitable[T]]) -> T:
    """Do it; once more when it was undone for a transaction that was in its way.

    Not when an earlier transaction of it was stored: it would find its own traces.
    """
    with watched() as outcome:
        try:
            return await work()
        except Collided:
            if outcome.stored:
                raise
        return await work()


class Decision:
    """Around what decides: notes that it was sent, and what became of it.

    Errors of drivers are raised as `models.unavailable` says.
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
            self._answered(stored=True)
        elif isinstance(error, Exception):
            trouble = translated(error, decides=True)
            if not isinstance(trouble, OutcomeUnknown):
                self._answered(stored=False)
            if trouble is not None:
                raise trouble from error

    def _answered(self, *, stored: bool) -> None:
        if self._outcome is not None:
            self._outcome.unknown -= 1
            self._outcome.stored += stored


class Question:
    """Around what decides nothing: errors of drivers are raised as `models.unavailable` says."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and (trouble := translated(error)) is not None:
            raise trouble from error


QUESTION = Question()


def around(statement: str) -> Decision | Question:
    """What to put around a statement that is a transaction of its own."""
    return Decision() if _writes(statement) else QUESTION


@lru_cache(2_000)
def _writes(statement: str) -> bool:
    return _WRITE.search(statement) is not None


@lru_cache(2_000)
def only_reads(statement: str) -> bool:
    """Whether it surely changes nothing. (Tortoise rewrites a text that holds a NUL.)"""
    begins = _READ.match(statement) is not None
    return begins and not _writes(statement) and "\x00" not in statement
