"""Exact rating figures of a service or vendor."""

import strawberry

from models.rating_tally import Tally, breakdown


@strawberry.type(
    description="How many reviews, or ratings of solved updates, gave a number of stars."
)
class StarCount:
    stars: int = strawberry.field(description="From 1 to 5.")
    count: int = strawberry.field(
        description="Of reviews, the approved ones; of ratings, those of the period."
    )
    percentage: int = strawberry.field(
        description=(
            "Their share in whole per cent, by the largest remainder: the five sum to 100,"
            " or are all 0 when nothing is rated."
        )
    )


@strawberry.type(description="The average of one sub-rating, over those who gave it.")
class SubRatingAverage:
    count: int = strawberry.field(description="How many gave it.")
    average: float | None = strawberry.field(
        description="From 1 to 5, half-up to two decimals; null when nobody gave it."
    )


@strawberry.type(
    description="The averages of the optional sub-ratings. No part of the main average."
)
class SubRatingAverages:
    communication: SubRatingAverage = strawberry.field(description="How the vendor communicated.")
    quality: SubRatingAverage = strawberry.field(description="The quality of the service.")
    value: SubRatingAverage = strawberry.field(description="Value for money.")


@strawberry.type(
    description=(
        "A rating in numbers. Counts are exact and belong to approved reviews only, over the whole"
        " life of the service or vendor; a vendor's are over all its services, from raw counts."
    )
)
class RatingSummary:
    tally: strawberry.Private[Tally]

    @strawberry.field(description="Approved reviews.")
    def count(self) -> int:
        return self.tally.count

    @strawberry.field(
        description="Sum of stars by count, half-up to two decimals; null when count is 0."
    )
    def average(self) -> float | None:
        return stars(self.tally.hundredths)

    @strawberry.field(description="Always five rows, from 5 stars to 1.")
    def breakdown(self) -> list[StarCount]:
        return star_counts(self.tally.stars)

    @strawberry.field(description="The sub-ratings' averages.")
    def sub_ratings(self) -> SubRatingAverages:
        return SubRatingAverages(
            communication=_sub_rating(self.tally, "communication"),
            quality=_sub_rating(self.tally, "quality"),
            value=_sub_rating(self.tally, "value"),
        )


def star_counts(counts: tuple[int, ...]) -> list[StarCount]:
    """The breakdown from 5 stars down, of counts from 1 star up."""
    return [
        StarCount(stars=number, count=count, percentage=percentage)
        for number, count, percentage in breakdown(counts)
    ]


def stars(hundredths: int | None) -> float | None:
    """Hundredths of a star as a number of stars."""
    return None if hundredths is None else hundredths / 100


def _sub_rating(tally: Tally, name: str) -> SubRatingAverage:
    count, average = tally.sub_rating(name)
    return SubRatingAverage(count=count, average=stars(average))
