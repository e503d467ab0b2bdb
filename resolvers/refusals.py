"""All that is wrong with an input, told at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from resolvers.errors import Refusal


class Refusals(Refusal):
    """Several values cannot be accepted."""

    code = "INVALID"

    def __init__(self, found: list[Refusal]) -> None:
        first = found[0]  # what is seen by whoever looks at one alone
        super().__init__(*first.field, message=first.message)
        self.code = first.code  # type: ignore[misc] # of each its own
        self._found = found

    @property
    def all(self) -> list[Refusal]:
        return self._found


@contextmanager
def collect_refusals() -> Iterator[Callable[..., Any]]:
    """Gives `check(rule, *its_arguments)`: what the rule returns, or None when it refuses.

    Raises at the end what was refused: the one refusal, or Refusals.
    """
    found: list[Refusal] = []

    def check(rule: Callable[..., Any], *given: Any, **named: Any) -> Any:
        try:
            return rule(*given, **named)
        except Refusal as refused:
            found.extend(refused.all)
            return None

    yield check
    if found:
        raise found[0] if len(found) == 1 else Refusals(found)
