"""Figures of the team's work, for the team."""

from datetime import date
from typing import Annotated

import strawberry

from resolvers import team_analytics
from resolvers.local_period import MAX_BUCKETS, Interval
from resolvers.team_analytics import MemberPerformance, Performance, PeriodPerformance
from schema.rating_summary import StarCount, star_counts, stars
from schema.team_member import TeamMember

_SOLVED = "Solves, also of internal updates; an update that was reopened can have several."
_RATINGS = "Ratings given in these days, also of earlier solves."
_AVERAGE = "Their average, half-up to two decimals; null without one."
_RATE = (
    "Of the solves in these days that the customer could rate, the share that was rated until now:"
    " 0 to 1, null when there were none."
)
_PROMOTERS = "Ratings of 4 or 5 stars."
_DETRACTORS = "Ratings of 1 to 3 stars."
_BREAKDOWN = "The ratings by stars: always five rows, from 5 stars to 1."


@strawberry.input(description="Whole days in the site's time zone, and how to cut them.")
class Period:
    from_: date = strawberry.field(name="from", description="The first day.")
    to: date = strawberry.field(description="The last day; it counts as well.")
    interval: Interval = strawberry.field(
        default=Interval.DAY, description=f"The steps of the trend, {MAX_BUCKETS:,} at most."
    )


PeriodArgument = Annotated[Period, strawberry.argument(description="Which days.")]


@strawberry.type(description="The team's numbers of some days.")
class TeamPeriod:
    from_: date = strawberry.field(name="from", description="The first day.")
    to: date = strawberry.field(description="The last day.")
    ratings: int = strawberry.field(description=_RATINGS)
    average: float | None = strawberry.field(description=_AVERAGE)
    solved: int = strawberry.field(description=_SOLVED)
    response_rate: float | None = strawberry.field(description=_RATE)

    @classmethod
    def of(cls, counted: PeriodPerformance) -> "TeamPeriod":
        done = counted.all
        return cls(
            from_=counted.period.first,
            to=counted.period.last,
            ratings=done.ratings,
            average=stars(done.hundredths),
            solved=done.solved,
            response_rate=done.response_rate,
        )


@strawberry.type(description="A team member's numbers: those of the solves credited to them.")
class TeamMemberAnalytics:
    member: TeamMember = strawberry.field(description="Whose numbers.")
    solved: int = strawberry.field(description=_SOLVED)
    ratings: int = strawberry.field(description=_RATINGS)
    average: float | None = strawberry.field(description=_AVERAGE)
    breakdown: list[StarCount] = strawberry.field(description=_BREAKDOWN)
    promoters: int = strawberry.field(description=_PROMOTERS)
    detractors: int = strawberry.field(description=_DETRACTORS)
    response_rate: float | None = strawberry.field(description=_RATE)
    previous: TeamPeriod = strawberry.field(
        description="The member's own numbers of as many days just before."
    )

    @classmethod
    def of(cls, counted: MemberPerformance) -> "TeamMemberAnalytics":
        done = counted.now
        return cls(
            member=TeamMember.from_row(counted.member),
            solved=done.solved,
            ratings=done.ratings,
            average=stars(done.hundredths),
            breakdown=star_counts(tuple(done.stars)),
            promoters=done.promoters,
            detractors=done.detractors,
            response_rate=done.response_rate,
            previous=TeamPeriod.of(counted.previous),
        )


@strawberry.type(
    description=(
        "How the team does in some days, exact. Work is credited to the assignee at the moment of"
        " solving, else to who solved."
    )
)
class TeamAnalytics:
    ratings: int = strawberry.field(description=_RATINGS)
    average: float | None = strawberry.field(description=_AVERAGE)
    solved: int = strawberry.field(description=_SOLVED)
    response_rate: float | None = strawberry.field(description=_RATE)
    breakdown: list[StarCount] = strawberry.field(description=_BREAKDOWN)
    promoters: int = strawberry.field(description=_PROMOTERS)
    detractors: int = strawberry.field(description=_DETRACTORS)
    previous: TeamPeriod = strawberry.field(description="As many days just before.")
    trend: list[TeamPeriod] = strawberry.field(
        description="The days, the weeks from Monday, or the months; the first and last are cut."
    )
    members: list[TeamMemberAnalytics] = strawberry.field(
        description="Who solved something or was rated in these days, most solves first."
    )

    @classmethod
    def of(cls, counted: team_analytics.TeamAnalytics) -> "TeamAnalytics":
        done: Performance = counted.all
        return cls(
            ratings=done.ratings,
            average=stars(done.hundredths),
            solved=done.solved,
            response_rate=done.response_rate,
            breakdown=star_counts(tuple(done.stars)),
            promoters=done.promoters,
            detractors=done.detractors,
            previous=TeamPeriod.of(counted.previous),
            trend=[TeamPeriod.of(step) for step in counted.trend],
            members=[TeamMemberAnalytics.of(member) for member in counted.members],
        )
