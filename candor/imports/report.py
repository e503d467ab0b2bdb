"""The report of an import, complete or stopped early."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from models.outcome import watched
from models.unavailable import OutcomeUnknown, Unavailable

# So many wait to be told in the order of their lines.
_MAX_UNTOLD = 10_000


@dataclass
class Report:
    """Counts of rows by outcome, and remarks about single rows by line number.

    `tell` takes the remarks of the rows so far, in the order of their lines.
    """

    counts: dict[str, int] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda _remark: None
    # Rows that were skipped although the file has no newer one: something else is stored.
    differing: int = 0
    _untold: list[tuple[int, str]] = field(default_factory=list)
    # A sentence on the lines that were not stored, or may not have been; None if all were.
    stopped: str | None = None

    @property
    def failed(self) -> int:
        return self.counts.get("failed", 0)

    def add(self, line: int, outcome: str, *why: str) -> None:
        self._add(f"line {line}", line, 1, outcome, *why)

    def add_unread(self, first: int, last: int, why: str) -> None:
        """Take lines that make no row. Each counts: nobody knows how many rows they hold."""
        lines = f"line {first}" if first == last else f"lines {first} to {last}"
        self._add(lines, first, last - first + 1, "failed", why)

    def _add(self, lines: str, first: int, count: int, outcome: str, *why: str) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + count
        self._untold += [(first, f"{lines}: {outcome}: {reason}") for reason in why]
        if len(self._untold) >= _MAX_UNTOLD:
            self.tell_remarks()

    def tell_remarks(self) -> None:
        """Tell the remarks that came since the last call, so that they need no memory."""
        for _, remark in sorted(self._untold):
            self.tell(remark)
        self._untold.clear()

    @contextmanager
    def storing(self, lines: list[int]) -> Iterator[None]:
        """Store the rows of these lines inside. Raises Unavailable, and records what that means."""
        with watched() as stored:
            try:
                yield
            except Unavailable as outage:
                is_known = stored.is_nothing and not isinstance(outage, OutcomeUnknown)
                fate = "nothing was stored" if is_known else "nobody knows what was stored"
                self.stopped = f"Of the lines {lines[0]} to {lines[-1]} {fate}"
                raise
