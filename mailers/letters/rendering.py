"""Templates to texts: one folder per mail, in the recipient's language.

Whatever a template prints loses its control and bidi characters on the way; HTML is escaped.
"""

import re
from collections.abc import MutableMapping
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape
from markupsafe import Markup, escape

from mailers import plain_text
from mailers.catalogue import CATALOGUE
from mailers.letters import translations
from mailers.letters.site import Site, preselected
from mailers.letters.trans_tag import TranslatedSentences
from mailers.mail import Mail, Person
from mailers.outbox.suppression import recipient_hash

_BLANK_LINES = re.compile(r"\n{3,}")
_TEMPLATES = Path(__file__).parent / "templates"


def render(mail: str, *, site: Site, to: Person, reply_to: str | None = None, **facts: Any) -> Mail:
    """The mail of this name to a person. Every fact that its templates print must be there."""
    language = translations.spoken(to.locale)
    subject, text, html = _templates(language, mail)
    values = {
        "site_name": site.name,
        "site_url": site.url,
        "person": to,
        "unsubscribe": _unsubscribe(mail, site, to),
        **facts,
    }

    return Mail(
        to=to,
        locale=language,
        subject=plain_text.one_line(subject.render(values)),
        text=_BLANK_LINES.sub("\n\n", text.render(values)).strip() + "\n",
        html=html.render(values),
        reply_to=reply_to,
        unsubscribe=values["unsubscribe"],
    )


def folder(mail: str) -> str:
    """`review.replied` is in `review_mailer/replied`; updates, ratings and notes share a mailer."""
    noun, _, name = mail.partition(".")
    return f"{'review' if noun == 'review' else 'update'}_mailer/{name}"


def _unsubscribe(mail: str, site: Site, to: Person) -> str | None:
    category = CATALOGUE[mail].category
    if category is None or to.address is None:
        return None
    recipient = recipient_hash(site.digests_secret, to.address)
    return site.unsubscribe_link(recipient=recipient, category=category)


@cache
def _templates(language: str, mail: str) -> tuple[Template, Template, Template]:
    subject, text, html = (
        _environment(language).get_template(f"{folder(mail)}/{name}")
        for name in ("subject.txt", "body.txt", "body.html")
    )
    return subject, text, html


class _Environment(Environment):
    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        # No template has names of its own. Jinja's chain of mappings is slow, and copied often.
        return super().make_globals(d) if d else self.globals


@cache
def _environment(language: str) -> Environment:
    environment = _Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[TranslatedSentences],
        finalize=_harmless,
        auto_reload=False,
    )
    environment.extend(translate=partial(translations.gettext, language))
    environment.filters.update(
        quoted=plain_text.quoted,
        excerpt=_excerpt,
        short=_short,
        day=partial(_day, language),
        preselected=preselected,
    )
    environment.globals.update(
        language=language, direction=translations.direction(language), stars=_stars
    )
    return environment


def _harmless(value: Any) -> Any:
    # Markup is what our own macros and filters made, of texts that came by here.
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return plain_text.harmless(value)


def _short(text: str, longest: int = 80) -> str:
    return plain_text.one_line(text, longest)


def _excerpt(text: str) -> Markup:
    lines = str(escape(plain_text.excerpt(text))).replace("\n", "<br>")
    return Markup(lines)  # noqa: S704 - it was escaped just now


def _day(language: str, value: date | datetime, time_zone: str = "UTC") -> str:
    local = value.astimezone(ZoneInfo(time_zone)) if isinstance(value, datetime) else value
    return format_date(local, "long", locale=language)


def _stars(rating: int) -> str:
    return "★" * rating + "☆" * (5 - rating)
