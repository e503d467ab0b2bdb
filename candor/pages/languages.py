"""The language of a page: the order's customer's, else the one that the browser asks for."""

from pathlib import Path

from starlette.requests import Request

from mailers.letters import translations

FOLDER = Path(__file__).parent / "translations"
_MOST = 20


def chosen(request: Request, locale: str | None = None) -> str:
    """The first wish that we can fulfil; English when there is none."""
    for wish in (locale or "", *_accepted(request.headers.get("accept-language", ""))):
        if language := translations.nearest(wish):
            return language
    return translations.SOURCE


def _accepted(header: str) -> list[str]:
    """The languages of Accept-Language, the dearest first."""
    weighed = []
    for part in header.split(",")[:_MOST]:
        name, _, quality = part.partition(";")
        try:
            weight = float(quality.strip().lower().removeprefix("q=") or 1)
        except ValueError:
            weight = 0.0
        if weight > 0:
            weighed.append((weight, name.strip()))
    return [name for _, name in sorted(weighed, key=lambda each: -each[0])]
