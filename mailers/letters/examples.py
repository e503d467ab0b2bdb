"""Example data for every mail: the friendly case, a long text, right-to-left, and a hostile one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from mailers.configuration import MailConfig
from mailers.letters import update_mails
from mailers.letters.registry import ABOUT_REVIEWS
from mailers.letters.rendering import render
from mailers.letters.site import Site
from mailers.letters.template_values import (
    OrderValues,
    ReviewValues,
    UpdateValues,
    WaitingValues,
)
from mailers.mail import Mail, Person
from models import SiteSettings
from models.review import TEXTS

_ID = UUID("01890000-0000-7000-8000-000000000001")
_CLOSES = datetime(2100, 1, 1, tzinfo=UTC)
ADDRESS = "maria@example.com"


@dataclass(frozen=True)
class Case:
    """User input: a name, a title, and a text for every other field."""

    name: str
    title: str
    text: str


_HOSTILE = (
    "</style></blockquote><script>alert(1)</script>{{ 7*7 }}{% raw %}{site_name}\r\n"
    "Bcc: x@x.example\r\n.\r\n\x00\x1b[31m=?utf-8?q?a=0D=0ABcc:_x=40x.example?= "
    "\u202egnirts\u202c \u2066x\u2069 "
)

CASES: dict[str, Case] = {
    "friendly": Case(
        "Maria Souza",
        "Logo design",
        "Nina listened, asked the right questions and delivered two days early.\n\nThe logo looks "
        "good on paper and on a phone. I will come back.",
    ),
    "long": Case(
        "Maximiliane von und zu Hohenstein-Ehrenberg",
        "A complete identity for a family bakery with five shops, from the sign to the paper bag",
        "It began well and went on well, and that is worth telling at some length. " * 140,
    ),
    "right-to-left": Case(
        "יעל כהן",
        "עיצוב לוגו",
        "עבודה מצוינת, תקשורת נעימה ומשלוח לפני הזמן.\n\nأنصح به بشدة. ★★★★★",
    ),
    "hostile": Case("Eve\r\nBcc: x@x.example", "<b>{{ title }}</b>{site_name}", _HOSTILE * 40),
}


def example_site(config: MailConfig) -> Site:
    settings = SiteSettings(
        site_name="Nordlicht",
        site_url="https://nordlicht.example",
        promoter_share_url="https://nordlicht.example/reviews",
    )
    return Site(settings, config)


def example(kind: str, case: Case, site: Site, to: Person) -> Mail:
    """One mail with the texts of a case."""
    return EXAMPLES[kind](case, site, to)


def _review(kind: str) -> Callable[[Case, Site, Person], Mail]:
    def write(case: Case, site: Site, to: Person) -> Mail:
        values = _review_values(case, site)
        before = replace(values, rating=2)
        return render(kind, site=site, to=to, review=replace(values, before=before))

    return write


def _review_values(case: Case, site: Site) -> ReviewValues:
    texts: dict[str, Any] = {name: getattr(case, name, case.text) for name in TEXTS}
    return ReviewValues(
        order_number="NL-20418",
        service_title=case.title,
        vendor_name="Nina's studio",
        author_name=case.name,
        rating=4,
        **texts,
        service_url=f"{site.url}/services/logo-design",
        reply=f"Thank you! {case.text}",
        reason="PERSONAL_INFORMATION",
        note="Please leave out the telephone number.",
        why="A court has asked us to.",
        link=_review_link(site),
    )


def _waiting(case: Case, site: Site, to: Person) -> Mail:
    values = WaitingValues(12, [_review_values(case, site)] * 2)
    return render("review.pending", site=site, to=to, waiting=values)


def _reminder(case: Case, site: Site, to: Person) -> Mail:
    values = OrderValues(
        order_number="NL-20418",
        service_title=case.title,
        vendor_name="Nina's studio",
        link=_review_link(site),
        last_day=date(2026, 12, 22),
    )
    return render("review.reminder", site=site, to=to, order=values)


def _review_link(site: Site) -> str:
    return site.review_link(
        order_id=_ID,
        order_number="NL-20418",
        service_number="LOGO-7",
        version=1,
        closes_at=_CLOSES,
    )


def _update(case: Case, site: Site, stars: int | None) -> UpdateValues:
    return UpdateValues(
        order_number="NL-20418",
        service_title="Logo design",
        title=case.title,
        customer_name=case.name,
        link=site.update_link(
            update_id=_ID, order_number="NL-20418", version=1, solve=1, expires_at=_CLOSES
        ),
        stars=stars,
        comment=case.text,
        note=case.text,
        author_name=case.name,
    )


_TO_TEAM = (
    "note.from_customer",
    "update.opened",
    "update.assigned",
    "update.still_has_issue",
    "update.rated",
)


def _to_team(kind: str) -> Callable[[Case, Site, Person], Mail]:
    return lambda case, site, to: update_mails.to_team(kind, site, to, _update(case, site, 4))


EXAMPLES: dict[str, Callable[[Case, Site, Person], Mail]] = {
    **{kind: _review(kind) for kind in ABOUT_REVIEWS},
    "review.pending": _waiting,
    "review.reminder": _reminder,
    "rating.promoter": lambda case, site, to: update_mails.promoter(
        site, to, _update(case, site, 5)
    ),
    "rating.detractor": lambda case, site, to: update_mails.detractor(
        site,
        to,
        replace(_update(case, site, 2), link="mailto:support@nordlicht.example?subject=NL-20418"),
        reply_to="support@nordlicht.example",
    ),
    "rating.alert": lambda case, site, to: update_mails.alert(site, to, _update(case, site, 2)),
    "update.solved": lambda case, site, to: update_mails.solved(
        site, to, _update(case, site, None)
    ),
    "update.rating_request": lambda case, site, to: update_mails.rating_request(
        site, to, _update(case, site, None)
    ),
    **{kind: _to_team(kind) for kind in _TO_TEAM},
    "note.from_staff": lambda case, site, to: update_mails.note_from_staff(
        site, to, _update(case, site, None), reply_to="support@nordlicht.example"
    ),
}
