"""Example rows for every mail: the friendly case, a long text, right-to-left, and a hostile one.

The mailers themselves write the examples, from these rows instead of stored ones.
"""

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from mailers.configuration import MailConfig
from mailers.letters.reads import Reads, Waiting
from mailers.letters.registry import MAILERS
from mailers.letters.site import Site
from mailers.mail import Mail, Person, Skipped
from models import (
    Customer,
    Order,
    OrderStatus,
    OrderUpdate,
    OrderUpdateStatus,
    RejectionReason,
    Review,
    ReviewRevision,
    ReviewStatus,
    Service,
    SiteSettings,
    TeamMember,
    UpdateNote,
    UpdateSolve,
    Vendor,
    clock,
    sql,
)
from models.review import TEXTS

_ID = UUID("01890000-0000-7000-8000-000000000001")
_OTHER_ID = UUID("01890000-0000-7000-8000-000000000002")
_STAFF = "Sam"
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
        admin_email="support@nordlicht.example",
        promoter_share_url="https://nordlicht.example/reviews",
        vendor_review_url_template="https://nordlicht.example/desk/reviews/{review_id}",
        team_review_url_template="https://nordlicht.example/desk/queue/{review_id}",
        team_update_url_template="https://nordlicht.example/desk/updates/{update_id}",
    )
    return Site(settings, config)


# The parameters of the promises, for kinds that have some, and the stars of ratings.
_PARAMS: dict[str, dict[str, Any]] = {
    "review.deleted": {"reason": "A court has asked us to."},
    "review.edit_rejected": {
        "refused": {
            "rating": 2,
            "reason": RejectionReason.PERSONAL_INFORMATION.value,
            "note": "Please leave out the telephone number.",
        }
    },
    "reply.deleted": {"reason": "It tells the customer's address."},
    "review.edited_by_admin": {"edited_at": datetime(2026, 3, 2, tzinfo=UTC).isoformat()},
    "update.solved": {"solve": 1},
    "update.rating_request": {"solve": 1},
    "update.assigned": {"member": _STAFF},
    "update.rated": {"member": _STAFF},
    "update.opened": {"note_id": str(_OTHER_ID)},
    "review.pending": {"member": _STAFF},
    "rating.alert": {"member": _STAFF},
    "update.still_has_issue": {"note_id": str(_OTHER_ID)},
    "note.from_customer": {"note_id": str(_OTHER_ID)},
    "note.from_staff": {"note_id": str(_ID)},
}
_STARS = {"rating.promoter": 5, "rating.detractor": 2, "rating.alert": 2, "update.rated": 4}
_STATUS = {
    "review.rejected": ReviewStatus.REJECTED,
    "review.withdrawn": ReviewStatus.REJECTED,
    "review.pending": ReviewStatus.PENDING,
}
_TO_VENDORS = {"review.received", "review.edited", "reply.deleted"}
_SOLVED = {"update.solved", "update.rating_request"}


def example(kind: str, case: Case, site: Site, to: Person) -> Mail:
    """One mail with the texts of a case, written by its mailer to this person."""
    rows = _Rows(kind, case, to)
    subject = rows.update if kind.partition(".")[0] in {"update", "rating", "note"} else rows.review
    about: Any = (rows.order, False) if kind == "review.reminder" else subject
    site = replace(site, rows={_ID: about, _OTHER_ID: rows.review}, reads=rows)
    mail = _result(MAILERS[kind](site, _ID, **_PARAMS.get(kind, {})))
    if isinstance(mail, Skipped):
        raise TypeError(f"There is no example of {kind}: {mail.because}.")
    return replace(mail, to=to)


def _result(mailer: Coroutine[Any, Any, Mail | Skipped]) -> Mail | Skipped:
    """What a mailer returns that waits for nothing, since all its rows are here."""
    try:
        mailer.send(None)
    except StopIteration as end:
        result: Mail | Skipped = end.value
        return result
    raise RuntimeError("An example read from the database.")


class _Rows(Reads):
    """The rows of one example."""

    def __init__(self, kind: str, case: Case, to: Person) -> None:
        self._kind, self._case, self._to = kind, case, to
        now = clock.now()
        who = {"display_name": to.name, "email": to.address, "locale": to.locale}
        customer = sql.fresh(Customer, id=_ID, external_id="C-1", **who)
        sold_by = to.name if kind in _TO_VENDORS else "Nina's studio"
        vendor = sql.fresh(Vendor, id=_ID, external_id="V-1", **who | {"display_name": sold_by})
        service = sql.fresh(
            Service,
            id=_ID,
            external_id="LOGO-7",
            title=case.title,
            url="https://nordlicht.example/services/logo-design",
        )
        parties = {"_customer": customer, "_vendor": vendor, "_service": service}
        self.order = sql.fresh(
            Order,
            id=_ID,
            external_id="NL-20418",
            status=OrderStatus.COMPLETED,
            completed_at=now - timedelta(days=3),
            vendor_id=_ID,
            customer_id=_ID,
            reminders_allowed=True,
            link_version=1,
            contact_email=None,
            **parties,
        )
        self.review = self._review(parties | {"_order": self.order})
        self.staff = sql.fresh(TeamMember, id=_ID, external_id=_STAFF, **who)
        solved = kind in _SOLVED
        self.update = sql.fresh(
            OrderUpdate,
            id=_ID,
            title=case.title,
            status=OrderUpdateStatus.SOLVED if solved else OrderUpdateStatus.OPEN,
            customer_visible=True,
            solves=1,
            solved_at=now if solved else None,
            _order=self.order,
            _assignee=self.staff,
            assignee_id=_ID,
        )

    def _review(self, related: dict[str, Any]) -> Review:
        status = _STATUS.get(self._kind, ReviewStatus.APPROVED)
        is_rejected = status is ReviewStatus.REJECTED
        return sql.fresh(
            Review,
            id=_ID,
            status=status,
            published_at=clock.now(),
            rating=4,
            **self._texts,
            reply_body=f"Thank you! {self._case.text}",
            rejection_reason=RejectionReason.PERSONAL_INFORMATION if is_rejected else None,
            moderation_note="Please leave out the telephone number." if is_rejected else None,
            **related,
        )

    @property
    def _texts(self) -> dict[str, Any]:
        return {name: getattr(self._case, name, self._case.text) for name in TEXTS}

    async def note(self, note_id: UUID) -> UpdateNote:
        author = self.staff if note_id == _ID else None
        named = author and sql.fresh(TeamMember, **vars(author) | {"display_name": _STAFF})
        return sql.fresh(UpdateNote, body=self._case.text, internal=False, _author=named)

    async def latest_solve(self, _update: OrderUpdate) -> UpdateSolve:
        credited = sql.fresh(TeamMember, id=_ID, display_name=_STAFF)
        stars = _STARS[self._kind]
        return sql.fresh(UpdateSolve, stars=stars, comment=self._case.text, _credited_to=credited)

    async def member(self, _external_id: str) -> TeamMember:
        return self.staff

    async def admins(self) -> Sequence[TeamMember]:
        return []

    async def replaced_since(self, _review_id: UUID, since: datetime) -> Sequence[ReviewRevision]:
        return [sql.fresh(ReviewRevision, replaced_at=since, rating=2, **self._texts)]

    async def waiting(self) -> Waiting:
        return Waiting(12, {_ID: None, _OTHER_ID: None})
