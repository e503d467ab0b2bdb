"""What a rating earns: a service's standing in rankings, a vendor's level."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models import SiteSettings
from models.rating_tally import Tally, average_in, count_in


class ServiceStanding(StrEnum):
    FEATURED = "FEATURED"
    NORMAL = "NORMAL"
    LOWERED = "LOWERED"
    HIDDEN = "HIDDEN"
    UNRATED = "UNRATED"


class SellerLevel(StrEnum):
    NEW_SELLER = "NEW_SELLER"
    LEVEL_1 = "LEVEL_1"
    LEVEL_2 = "LEVEL_2"
    TOP_SELLER = "TOP_SELLER"


_LEVELS = frozenset(SellerLevel)


# The least average for each standing, best first, in hundredths of a star as published: 4.495 shows
# as 4.50 and is FEATURED.
LADDER = (
    (450, ServiceStanding.FEATURED),
    (400, ServiceStanding.NORMAL),
    (350, ServiceStanding.LOWERED),
    (0, ServiceStanding.HIDDEN),
)
# Best last. Services that nobody has rated stand above those that were rated badly.
RANKS = {
    ServiceStanding.HIDDEN: 1,
    ServiceStanding.LOWERED: 2,
    ServiceStanding.UNRATED: 3,
    ServiceStanding.NORMAL: 4,
    ServiceStanding.FEATURED: 5,
}


@dataclass(frozen=True)
class Progress:
    """The next level and what is missing to it; nothing is missing at the top."""

    next: SellerLevel | None
    min_hundredths: int | None = None
    min_reviews: int | None = None
    missing_hundredths: int = 0
    missing_reviews: int = 0


def standing(tally: Tally) -> ServiceStanding:
    """The standing of a service, decided on the very average that is shown."""
    average = tally.hundredths
    if average is None:
        return ServiceStanding.UNRATED
    return next(standing for least, standing in LADDER if average >= least)


def rank_in(alias: str) -> str:
    """The rank of the standing of a service, by its row of counters, in SQL."""
    count, average = f"COALESCE({count_in(alias)}, 0)", average_in(alias)
    *steps, (_, last) = LADDER
    # Each step computes the average anew: those without one, and the worst, are told without.
    cases = "".join(f" WHEN {average} >= {least} THEN {RANKS[step]}" for least, step in steps)
    unrated = RANKS[ServiceStanding.UNRATED]
    return f"(CASE WHEN {count} = 0 THEN {unrated}{cases} ELSE {RANKS[last]} END)"


def rules(settings: SiteSettings) -> list[dict[str, Any]]:
    """What each level that this version knows asks for, lowest first."""
    return [rule for rule in settings.seller_levels if rule["level"] in _LEVELS]


def level(tally: Tally, settings: SiteSettings) -> SellerLevel:
    """The highest level whose average and number of reviews a vendor has reached."""
    reached = SellerLevel.NEW_SELLER
    for rule in rules(settings):
        average = tally.hundredths or 0
        if average < rule["min_average"] or tally.count < rule["min_reviews"]:
            break
        reached = SellerLevel(rule["level"])
    return reached


def progress(tally: Tally, settings: SiteSettings) -> Progress:
    """What a vendor lacks to the next level."""
    levels = [rule["level"] for rule in rules(settings)]
    current = level(tally, settings)
    place = 0 if current is SellerLevel.NEW_SELLER else levels.index(current.value) + 1
    if place == len(levels):
        return Progress(None)
    rule = rules(settings)[place]
    return Progress(
        SellerLevel(rule["level"]),
        rule["min_average"],
        rule["min_reviews"],
        max(0, rule["min_average"] - (tally.hundredths or 0)),
        max(0, rule["min_reviews"] - tally.count),
    )
