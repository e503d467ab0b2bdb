"""Sentences that stand in mails, pages and answers of the API alike, in a language of the mails."""

from mailers.catalogue import MESSAGES
from mailers.letters.translations import gettext

# What a number of stars says, for those who give it and those who read it.
STARS_IN_WORDS = {
    5: "Excellent, exceeded expectations",
    4: "Good, met expectations",
    3: "Average, could be better",
    2: "Below average, some problems",
    1: "Poor, major problems",
}


def message(kind: str, language: str) -> str:
    """What a notification of this kind tells, for who reads it."""
    return gettext(language, MESSAGES[kind])


def stars_in_words(stars: int, language: str) -> str:
    """What 1 to 5 stars say."""
    return gettext(language, STARS_IN_WORDS[stars])
