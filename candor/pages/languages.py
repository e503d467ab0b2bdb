"""The language of a page: that of the order's customer, else the browser's."""

from pathlib import Path

from starlette.requests import Request

from mailers.letters import translations

FOLDER = Path(__file__).parent / "translations"
_MAX_ACCEPTED = 20


def chosen(request: Request, locale: str | None = None) -> str:
    """The first accepted language with a translation, else English."""
    for name in (locale or "", *_accepted(request.headers.get("accept-language", ""))):
        if language := translations.nearest(name):
            return language
    return translations.SOURCE


def _accepted(header: str) -> list[str]:
    """The languages of Accept-Language by descending weight."""
    weighted = []
    for part in header.split(",")[:_MAX_ACCEPTED]:
        name, _, quality = part.partition(";")
        try:
            weight = float(quality.strip().lower().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighted.append((weight, name.strip()))
    return [name for _, name in sorted(weighted, key=lambda each: -each[0])]
