"""Renders templates as pages without scripts, external resources, caching or referrers."""

import base64
import hashlib
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from candor.pages.languages import FOLDER
from mailers import plain_text, stars_in_words
from mailers.letters import translations

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = (_TEMPLATES / "style.css").read_text("utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex, nofollow",
}


def page(
    name: str,
    language: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page from the template of this name. Raises UndefinedError if a value is missing."""
    html = _environment(language).get_template(f"{name}.html").render(values)
    own = {"Content-Language": language, "Vary": "Accept-Language"}
    return HTMLResponse(html, status, HEADERS | own | (headers or {}))


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
        finalize=_sanitize,
        auto_reload=False,
    )
    gettext = partial(translations.gettext, language, folder=FOLDER)
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        gettext, partial(translations.ngettext, language, folder=FOLDER), newstyle=True
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.filters["day"] = partial(_day, language)
    environment.filters["local_day"] = partial(_local_day, language)
    environment.globals["in_words"] = partial(_in_words, language)
    environment.filters["short"] = plain_text.one_line
    environment.globals.update(
        language=language,
        direction=translations.direction(language),
        style=Markup(_STYLE),  # noqa: S704 - a file of ours
    )
    return environment


def _sanitize(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = plain_text.harmless(value)
    if isinstance(value, Markup) and text is not value:
        return Markup(text)  # noqa: S704 - it was markup before
    return text


def _day(language: str, value: date) -> str:
    return format_date(value, "long", locale=language)


def _local_day(language: str, value: datetime, time_zone: str) -> str:
    return _day(language, value.astimezone(ZoneInfo(time_zone)).date())


def _in_words(language: str, stars: int) -> str:
    return stars_in_words(stars, language)
