"""From claimed mails to bytes: call the mailer, check suppressions, write the message."""

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jinja2 import TemplateError

from mailers.from_address import Sender
from mailers.letters import registry
from mailers.letters.registry import MAILERS
from mailers.letters.site import Site
from mailers.mail import Mail, Skipped
from mailers.outbox import claims, suppression
from mailers.outbox.claims import ClaimedMail
from mailers.outbox.promise import SWITCHED_OFF
from mailers.smtp.mime import Header, message_id, write_message
from models import Audience, TeamMember
from models.email_address import normalised

_log = logging.getLogger("candor.mail")

# Bugs in a template or a mailer. Databases and networks raise other errors.
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
# Rendering may block the event loop for this many seconds.
_MAX_STRETCH = 0.001
_FORMER = Skipped("the member of the team is not active")


@dataclass(frozen=True)
class Message:
    """A mail as bytes, with its envelope."""

    sender: str
    address: str
    # The hash of the address, by which suppressions and opt-outs are found.
    recipient: str
    # Milliseconds since 1970; the mail's own date, the same in every attempt.
    dated_at: int
    raw: bytes


@dataclass(frozen=True)
class Broken:
    """A bug prevents the mail from being written."""

    error: str


Composed = Message | Skipped | Broken


@dataclass(frozen=True, slots=True)
class _Unfiltered:
    """A mail whose suppressions are not checked yet. The address as it is sent, and as a hash."""

    mail: Mail
    address: str
    recipient: str


async def compose(claimed: Iterable[ClaimedMail], site: Site) -> list[Composed]:
    """Compose each mail from the current rows: its message, or why there is none, in order.

    Rows and suppressions are read once for all mails.
    """
    mails = list(claimed)
    rows = await registry.read((mail.mail, mail.subject_id) for mail in mails)
    site_with_rows = replace(site, rows=rows)
    former = await _former_members({m.recipient for m in mails if m.audience == Audience.TEAM})
    drafts, since = list[_Unfiltered | Skipped | Broken](), time.monotonic()
    for mail in mails:
        is_former = mail.audience == Audience.TEAM and mail.recipient in former
        drafts.append(_FORMER if is_former else await _unfiltered(mail, site_with_rows))
        since = await _yield_to_others(since)
    suppressions = await suppression.suppressions_of(
        {draft.recipient for draft in drafts if isinstance(draft, _Unfiltered)}
    )
    composed = []
    for mail, draft in zip(mails, drafts, strict=True):
        composed.append(_composed(mail, draft, suppressions, site))
        since = await _yield_to_others(since)
    return composed


async def _former_members(people: Collection[str]) -> set[str]:
    """Those of these members of the team, by their external ids, who are not active."""
    if not people:
        return set()
    inactive = await TeamMember.filter(external_id__in=people, deactivated_at__isnull=False)
    return {member.external_id for member in inactive}


async def _yield_to_others(since: float) -> float:
    """Let other tasks run if it is time; returns when the present stretch of work began."""
    if time.monotonic() - since < _MAX_STRETCH:
        return since
    await asyncio.sleep(0)
    return time.monotonic()


async def _unfiltered(claimed: ClaimedMail, site: Site) -> _Unfiltered | Skipped | Broken:
    if not site.settings.sends(claimed.mail):
        return Skipped(SWITCHED_OFF)
    try:
        mail = await MAILERS[claimed.mail](site, claimed.subject_id, **claimed.params)
    except (*_BUGS, TemplateError) as error:
        return _broken(claimed, error)
    if isinstance(mail, Skipped):
        return mail
    try:
        address = normalised(mail.to.address or "")
    except ValueError as error:
        return Skipped(str(error))
    return _Unfiltered(mail, address, suppression.recipient_hash(site.digests_secret, address))


def _composed(
    claimed: ClaimedMail,
    draft: _Unfiltered | Skipped | Broken,
    suppressions: dict[str, set[str]],
    site: Site,
) -> Composed:
    if not isinstance(draft, _Unfiltered):
        return draft
    reason = suppression.reason_to_skip(claimed.mail, suppressions.get(draft.recipient, set()))
    if reason is not None:
        return Skipped(reason)
    try:
        return _message(claimed, draft, site)
    except _BUGS as error:
        return _broken(claimed, error)


def _message(claimed: ClaimedMail, draft: _Unfiltered, site: Site) -> Message:
    config, mail = site.config, draft.mail
    dated_at = claimed.dated_at or claims.now()
    sender = Sender.parse(config.mail_from)
    raw = write_message(
        sender=(sender.name, sender.address),
        to=(mail.to.greeted, draft.address),
        subject=mail.subject,
        date=datetime.fromtimestamp(dated_at / 1000, UTC),
        message_id=message_id(site.digests_secret, claimed.dedupe_key, sender.domain),
        text=mail.text,
        html=mail.html,
        headers=headers(claimed.mail, mail),
    )
    return Message(sender.address, draft.address, draft.recipient, dated_at, raw)


def _broken(claimed: ClaimedMail, error: Exception) -> Broken:
    _log.error("mail %s (%s) cannot be written", claimed.id, claimed.mail, exc_info=error)
    return Broken(repr(error))


def headers(kind: str, mail: Mail) -> list[Header]:
    """Headers for mail programs and auto-responders."""
    lines = [
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Content-Language", mail.locale),
        ("X-Mail-Kind", kind),
    ]
    if mail.reply_to is not None:
        lines.append(("Reply-To", mail.reply_to))
    if mail.unsubscribe is not None:
        lines.append(("List-Unsubscribe", f"<{mail.unsubscribe}>"))
        lines.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return lines
