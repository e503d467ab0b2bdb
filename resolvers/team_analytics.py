"""Team analytics: exact solves and ratings of a period, in a constant number of statements."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from models import TeamMember, sql
from models.rating_tally import hundredths
from models.update_solve import PROMOTER_FROM
from resolvers import site_settings, team_members
from resolvers.local_period import Interval, LocalPeriod, checked
from resolvers.viewer import Viewer

_BY_BUCKET, _BY_MEMBER = "b.number", "b.number, s.credited_to_id"
# Solves count on the day of the solve, and so does whether they were rated later.
_SOLVES = """
SELECT {by}, COUNT(*) AS solved,
  SUM(CASE WHEN s.customer_visible THEN 1 ELSE 0 END) AS ratable,
  SUM(CASE WHEN s.customer_visible AND s.stars IS NOT NULL THEN 1 ELSE 0 END) AS rated
FROM bucket b JOIN update_solve s ON s.solved_at >= b.starts AND s.solved_at < b.ends
GROUP BY {by}"""
# Ratings count on the day of the rating.
_RATINGS = """
SELECT {by}, s.stars, COUNT(*) AS ratings
FROM bucket b JOIN update_solve s ON s.rated_at >= b.starts AND s.rated_at < b.ends
GROUP BY {by}, s.stars"""


@dataclass
class Performance:
    """The figures of one member, or of the team, for some days."""

    solved: int = 0
    # Solves of customer-visible updates, and how many of these have been rated since.
    ratable: int = 0
    rated: int = 0
    # The number of ratings in these days, from 1 star to 5.
    stars: list[int] = field(default_factory=lambda: [0] * 5)

    def add(self, other: "Performance") -> None:
        self.solved += other.solved
        self.ratable += other.ratable
        self.rated += other.rated
        self.stars = [mine + more for mine, more in zip(self.stars, other.stars, strict=True)]

    @property
    def ratings(self) -> int:
        return sum(self.stars)

    @property
    def hundredths(self) -> int | None:
        """The average in hundredths of a star, rounded half up; None without a rating."""
        return hundredths(sum(n * count for n, count in enumerate(self.stars, 1)), self.ratings)

    @property
    def promoters(self) -> int:
        return sum(self.stars[PROMOTER_FROM - 1 :])

    @property
    def detractors(self) -> int:
        return self.ratings - self.promoters

    @property
    def response_rate(self) -> float | None:
        """Rated solves divided by ratable ones, 0 to 1; None if none was ratable."""
        return self.rated / self.ratable if self.ratable else None


@dataclass(frozen=True)
class PeriodPerformance:
    period: LocalPeriod
    all: Performance


@dataclass(frozen=True)
class MemberPerformance:
    member: TeamMember
    now: Performance
    previous: PeriodPerformance


@dataclass(frozen=True)
class TeamAnalytics:
    all: Performance
    previous: PeriodPerformance
    trend: list[PeriodPerformance]
    members: list[MemberPerformance]


async def team_analytics(
    viewer: Viewer, *, first: date, last: date, interval: Interval
) -> TeamAnalytics:
    """Figures from `first` to `last`, of the period before, the trend, and the members.

    Members are those with a solve or rating in the period, most solves first.
    Raises Unauthenticated, Forbidden, Invalid (period).
    """
    viewer.must_be_team()
    period = checked(first, last, interval, "period")
    buckets = period.buckets(interval)
    zone = (await site_settings.current()).time_zone
    steps = await _count([bucket.instants(zone) for bucket in buckets], _BY_BUCKET)
    spans = [each.instants(zone) for each in (period.previous, period)]
    by_member = await _count(spans, _BY_MEMBER)
    before, now = (
        {member_id: figures for (number, member_id), figures in by_member.items() if number == at}
        for at in range(2)
    )
    rows = await team_members.by_ids(viewer, now.keys())
    members = [
        MemberPerformance(
            rows[member_id],
            figures,
            PeriodPerformance(period.previous, before.get(member_id, Performance())),
        )
        for member_id, figures in now.items()
    ]
    members.sort(key=lambda each: (-each.now.solved, -each.now.ratings, each.member.external_id))
    return TeamAnalytics(
        _sum(now.values()),
        PeriodPerformance(period.previous, _sum(before.values())),
        [PeriodPerformance(bucket, steps[(at,)]) for at, bucket in enumerate(buckets)],
        members,
    )


async def _count(
    spans: Sequence[tuple[datetime, datetime]], by: str
) -> dict[tuple[Any, ...], Performance]:
    """The figures by these columns, in two statements for any number of spans."""
    counted: dict[tuple[Any, ...], Performance] = defaultdict(Performance)
    buckets, values = _as_table(spans)
    for row in await sql.fetch(buckets + _SOLVES.format(by=by), *values):
        *key, solved, ratable, rated = row.values()
        figures = counted[tuple(key)]
        figures.solved, figures.ratable, figures.rated = solved, ratable, rated
    for row in await sql.fetch(buckets + _RATINGS.format(by=by), *values):
        *key, stars, ratings = row.values()
        counted[tuple(key)].stars[stars - 1] = ratings
    return counted


def _as_table(spans: Sequence[tuple[datetime, datetime]]) -> tuple[str, list[datetime]]:
    place = "CAST(? AS timestamptz)" if sql.is_postgres() else "?"
    rows = ", ".join(f"({number}, {place}, {place})" for number in range(len(spans)))
    values = [instant for span in spans for instant in span]
    return f"WITH bucket (number, starts, ends) AS (VALUES {rows})", values


def _sum(parts: Iterable[Performance]) -> Performance:
    total = Performance()
    for part in parts:
        total.add(part)
    return total
