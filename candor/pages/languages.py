"""The language of a page: that of the order's customer, else the browser's."""

from pathlib import Path

from starlette.requests import Request

from candor import languages

FOLDER = Path(__file__).parent / "translations"


def chosen(request: Request, locale: str | None = None) -> str:
    """The first accepted language with a translation, else English."""
    return languages.chosen(request.headers.get("accept-language"), locale)
