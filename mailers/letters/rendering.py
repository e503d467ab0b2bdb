"""Renders a mail's templates, one folder per mail, in the recipient's language.

All printed values are stripped of control and bidi characters, and escaped in HTML.
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
from mailers.letters.sentences import stars_in_words
from mailers.letters.site import Site, preselected
from mailers.letters.trans_tag import TranslatedSentences
from mailers.mail import Mail, Person
from mailers.outbox.suppression import recipient_hash

_BLANK_LINES = re.compile(r"\n{3,}")
_TEMPLATES = Path(__file__).parent / "templates"


def render(
    kind: str, *, site: Site, to: Person, reply_to: str | None = None, **values: Any
) -> Mail:
    """A mail of this kind to a person. Raises UndefinedError if a template prints another value."""
    language = translations.spoken(to.locale)
    subject, text, html = _templates(language, kind)
    context = {
        "site_name": site.name,
        "site_url": site.url,
        "person": to,
        "unsubscribe": _unsubscribe(kind, site, to),
        **values,
    }
    return Mail(
        to=to,
        locale=language,
        subject=plain_text.one_line(subject.render(context)),
        text=_BLANK_LINES.sub("\n\n", text.render(context)).strip() + "\n",
        html=html.render(context),
        reply_to=reply_to,
        unsubscribe=context["unsubscribe"],
    )


# The folders of mails, by the first part of their names.
_FOLDERS = {"review": "review_mailer/", "reply": "review_mailer/reply_"}


def folder(kind: str) -> str:
    """`review.replied` is in `review_mailer/replied`; updates, ratings and notes share a mailer."""
    noun, _, name = kind.partition(".")
    return _FOLDERS.get(noun, "update_mailer/") + name


def _unsubscribe(kind: str, site: Site, to: Person) -> str | None:
    category = CATALOGUE[kind].category
    if category is None or to.address is None:
        return None
    recipient = recipient_hash(site.digests_secret, to.address)
    return site.unsubscribe_link(recipient=recipient, category=category)


@cache
def _templates(language: str, kind: str) -> tuple[Template, Template, Template]:
    subject, text, html = (
        _environment(language).get_template(f"{folder(kind)}/{name}")
        for name in ("subject.txt", "body.txt", "body.html")
    )
    return subject, text, html


class _Environment(Environment):
    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        # Faster than Jinja's ChainMap, which only a template with globals of its own needs.
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
        language=language,
        direction=translations.direction(language),
        stars=_stars,
        in_words=partial(_in_words, language),
    )
    return environment


def _harmless(value: Any) -> Any:
    # Markup comes from our own macros and filters, whose input was stripped already.
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return plain_text.harmless(value)


def _short(text: str, max_length: int = 80) -> str:
    return plain_text.one_line(text, max_length)


def _excerpt(text: str) -> Markup:
    lines = str(escape(plain_text.excerpt(text))).replace("\n", "<br>")
    return Markup(lines)  # noqa: S704 - escaped in the line above


def _day(language: str, value: date | datetime, time_zone: str = "UTC") -> str:
    local = value.astimezone(ZoneInfo(time_zone)) if isinstance(value, datetime) else value
    return format_date(local, "long", locale=language)


def _in_words(language: str, rating: int) -> str:
    return stars_in_words(rating, language)


def _stars(rating: int) -> str:
    return "★" * rating + "☆" * (5 - rating)
