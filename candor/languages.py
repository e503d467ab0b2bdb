"""The language that a caller reads, by Accept-Language."""

from functools import lru_cache

from mailers.letters import translations

_MAX_ACCEPTED = 20


@lru_cache(maxsize=1024)
def accepted(header: str) -> tuple[str, ...]:
    """The languages of the header by descending weight, as they are spelled there."""
    weighted = []
    for part in header.split(",")[:_MAX_ACCEPTED]:
        name, _, quality = part.partition(";")
        try:
            weight = float(quality.strip().lower().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((weight, name.strip()))
    return tuple(name for _, name in sorted(weighted, key=lambda each: -each[0]))


def chosen(header: str | None, locale: str | None = None) -> str:
    """The first of a person's own language and the accepted ones that we have, else English."""
    for name in (locale or "", *accepted((header or "")[:1_000])):
        if language := translations.nearest(name):
            return language
    return translations.SOURCE
