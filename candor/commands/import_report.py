"""What an import has done so far, also when it does not come to its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from models.outcome import watched
from models.unavailable import OutcomeUnknown, Unavailable


@dataclass
class Report:
    """How many rows had each outcome, and what is to be said of single rows."""

    counts: dict[str, int] = field(default_factory=dict)
    remarks: list[tuple[int, str]] = field(default_factory=list)
    # What the database did not do, or nobody knows of; None when it did all.
    stopped: str | None = None

    @property
    def failed(self) -> int:
        return self.counts.get("failed", 0)

    def add(self, line: int, outcome: str, *why: str) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        self.remarks += [(line, f"{outcome}: {reason}") for reason in why]

    @contextmanager
    def storing(self, lines: list[int]) -> Iterator[None]:
        """Store rows of these lines inside. Passes on Unavailable, and notes what it means."""
        with watched() as stored:
            try:
                yield
            except Unavailable as trouble:
                known = stored.is_nothing and not isinstance(trouble, OutcomeUnknown)
                told = "nothing was stored" if known else "nobody knows what was stored"
                self.stopped = f"Of the lines {lines[0]} to {lines[-1]} {told}"
                raise
