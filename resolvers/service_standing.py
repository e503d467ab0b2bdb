"""A service's standing in rankings, and a vendor's level: both follow from their ratings."""

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


# The minimum average for each standing, best first, in hundredths of a star as published: 4.495 is
# shown as 4.50 and is FEATURED.
LADDER = (
    (450, ServiceStanding.FEATURED),
    (400, ServiceStanding.NORMAL),
    (350, ServiceStanding.LOWERED),
    (0, ServiceStanding.HIDDEN),
)
# Higher is better. Unrated services rank above badly rated ones.
RANKS = {
    ServiceStanding.HIDDEN: 1,
    ServiceStanding.LOWERED: 2,
    ServiceStanding.UNRATED: 3,
    ServiceStanding.NORMAL: 4,
    ServiceStanding.FEATURED: 5,
}


@dataclass(frozen=True)
class Progress:
    """The next level and what is missing to reach it; nothing at the top level."""

    next: SellerLevel | None
    min_hundredths: int | None = None
    min_reviews: int | None = None
    missing_hundredths: int = 0
    missing_reviews: int = 0


def standing(tally: Tally) -> ServiceStanding:
    """The standing of a service, by its published average."""
    average = tally.hundredths
    if average is None:
        return ServiceStanding.UNRATED
    return next(standing for least, standing in LADDER if average >= least)


def rank_in(alias: str) -> str:
    """The rank of a service's standing in SQL; `alias` is its row of counters."""
    count, average = f"COALESCE({count_in(alias)}, 0)", average_in(alias)
    *steps, (_, last) = LADDER
    # Each WHEN computes the average again, so unrated and the lowest step do without it.
    cases = "".join(f" WHEN {average} >= {least} THEN {RANKS[step]}" for least, step in steps)
    unrated = RANKS[ServiceStanding.UNRATED]
    return f"(CASE WHEN {count} = 0 THEN {unrated}{cases} ELSE {RANKS[last]} END)"


def rules(settings: SiteSettings) -> list[dict[str, Any]]:
    """The requirements of each level known to this version, lowest first."""
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
