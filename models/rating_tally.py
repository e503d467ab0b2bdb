"""The numbers that a rating is shown by, computed from counts, in integers, when asked.

Each stands here twice, side by side: in Python, and in SQL where lists are sorted or counted by it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Tally(NamedTuple):
    """Counts of approved reviews by stars, and sums and counts of each sub-rating."""

    n1: int = 0
    n2: int = 0
    n3: int = 0
    n4: int = 0
    n5: int = 0
    communication_sum: int = 0
    communication_count: int = 0
    quality_sum: int = 0
    quality_count: int = 0
    value_sum: int = 0
    value_count: int = 0

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Tally":
        """The tally in a row that holds the counters' columns; zeros where there is no counter."""
        return cls(*(row[name] or 0 for name in cls._fields))

    @property
    def stars(self) -> tuple[int, int, int, int, int]:
        """Counts from 1 star to 5."""
        return self[:5]

    @property
    def count(self) -> int:  # type: ignore[override] # nobody asks a tally for equal elements
        return self.n1 + self.n2 + self.n3 + self.n4 + self.n5

    @property
    def hundredths(self) -> int | None:
        """The average in hundredths of a star, None when nothing is rated."""
        total = self.n1 + 2 * self.n2 + 3 * self.n3 + 4 * self.n4 + 5 * self.n5
        return hundredths(total, self.count)

    def sub_rating(self, name: str) -> tuple[int, int | None]:
        """How many gave this sub-rating, and their average in hundredths of a star."""
        count = getattr(self, f"{name}_count")
        return count, hundredths(getattr(self, f"{name}_sum"), count)


def hundredths(total: int, count: int) -> int | None:
    """`total / count` in hundredths, rounded half-up with integers alone; None for no count."""
    return (200 * total + count) // (2 * count) if count else None


COUNTS = Tally._fields
STAR_COUNTS = COUNTS[:5]


def count_in(alias: str) -> str:
    """`Tally.count` of a row of counters, in SQL."""
    return " + ".join(f"{alias}.{name}" for name in STAR_COUNTS)


def average_in(alias: str) -> str:
    """`Tally.hundredths` of a row of counters, in SQL; NULL when nothing is rated."""
    weighted = " + ".join(f"{stars} * {alias}.n{stars}" for stars in range(1, 6))
    total, count = f"CAST({weighted} AS BIGINT)", f"({count_in(alias)})"
    return f"(200 * {total} + {count}) / NULLIF(2 * {count}, 0)"


def percentages(counts: tuple[int, ...]) -> list[int]:
    """Whole percentages of the counts by the largest remainder: they sum to 100, or are all 0.

    `counts` go from 1 star up. Of equal remainders the higher star is rounded up.
    """
    total = sum(counts)
    if not total:
        return [0] * len(counts)
    shares = [100 * count // total for count in counts]
    missing = 100 - sum(shares)
    if missing:
        remainders = [(100 * count % total, stars) for stars, count in enumerate(counts)]
        for _, stars in sorted(remainders, reverse=True)[:missing]:
            shares[stars] += 1
    return shares


def breakdown(counts: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Stars, their count and its percentage, from 5 stars down; `counts` go from 1 star up."""
    shares = percentages(counts)
    return [(stars, counts[stars - 1], shares[stars - 1]) for stars in (5, 4, 3, 2, 1)]
