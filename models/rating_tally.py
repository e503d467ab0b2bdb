"""Counts, averages and percentages of ratings, computed from counters with integers alone.

Count and average stand here twice: in Python, and in SQL for lists that are sorted or filtered.
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
        """The tally of a row with the counter's columns; zeros if there is no counter."""
        return cls(*(row[name] or 0 for name in cls._fields))

    @property
    def stars(self) -> tuple[int, int, int, int, int]:
        """Counts from 1 star to 5."""
        return self[:5]

    @property
    def count(self) -> int:  # type: ignore[override] # `tuple.count` is not needed
        return self.n1 + self.n2 + self.n3 + self.n4 + self.n5

    @property
    def hundredths(self) -> int | None:
        """The average in hundredths of a star; None without ratings."""
        total = self.n1 + 2 * self.n2 + 3 * self.n3 + 4 * self.n4 + 5 * self.n5
        return hundredths(total, self.count)

    def sub_rating(self, name: str) -> tuple[int, int | None]:
        """How many gave this sub-rating, and their average in hundredths of a star."""
        count = getattr(self, f"{name}_count")
        return count, hundredths(getattr(self, f"{name}_sum"), count)


def hundredths(total: int, count: int) -> int | None:
    """`total / count` in hundredths, rounded half up; None if the count is 0."""
    return (200 * total + count) // (2 * count) if count else None


COUNTS = Tally._fields
STAR_COUNTS = COUNTS[:5]


def count_in(alias: str) -> str:
    """`Tally.count` of a row of counters, in SQL."""
    return " + ".join(f"CAST({alias}.{name} AS BIGINT)" for name in STAR_COUNTS)


def average_in(alias: str) -> str:
    """`Tally.hundredths` of a row of counters, in SQL; NULL without ratings."""
    total = " + ".join(f"{stars} * CAST({alias}.n{stars} AS BIGINT)" for stars in range(1, 6))
    count = f"({count_in(alias)})"
    return f"(200 * ({total}) + {count}) / NULLIF(2 * {count}, 0)"


def ranking_in(alias: str) -> tuple[str, str]:
    """`average_in` and `count_in` by which rated services are ranked; 0 without a rating."""
    return f"COALESCE({average_in(alias)}, 0)", f"COALESCE({count_in(alias)}, 0)"


def percentages(counts: tuple[int, ...]) -> list[int]:
    """Whole percentages of the counts by the largest remainder: they sum to 100, or are all 0.

    `counts` go from 1 star up. Of equal remainders, the one with more stars is rounded up.
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
