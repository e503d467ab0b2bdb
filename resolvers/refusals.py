"""Report everything that is wrong with an input at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from resolvers.errors import Refusal


class Refusals(Refusal):
    """Several values cannot be accepted."""

    code = "INVALID"

    def __init__(self, refusals: list[Refusal]) -> None:
        first = refusals[0]  # for callers that report only one
        super().__init__(*first.field, message=first.message)
        self.code = first.code  # type: ignore[misc] # a ClassVar elsewhere, here per instance
        self._refusals = refusals

    @property
    def all(self) -> list[Refusal]:
        return self._refusals


@contextmanager
def collect_refusals() -> Iterator[Callable[..., Any]]:
    """Yield `check(rule, *arguments)`, which returns the rule's result, or None if it refuses.

    At the end of the block, raises the one refusal, or several of them as Refusals.
    """
    refusals: list[Refusal] = []

    def check(rule: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return rule(*args, **kwargs)
        except Refusal as refusal:
            refusals.extend(refusal.all)
            return None

    yield check
    if refusals:
        raise together(refusals)


def together(refusals: list[Refusal]) -> Refusal:
    """Several refusals, at least one, as one; of each field only the first."""
    first: dict[tuple[str, ...], Refusal] = {}
    for refusal in refusals:
        first.setdefault(tuple(refusal.field), refusal)
    unique = list(first.values())
    return unique[0] if len(unique) == 1 else Refusals(unique)
