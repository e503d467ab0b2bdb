"""From promises to bytes: ask the mailer, ask whether the recipient wants it, write it down."""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jinja2 import TemplateError

from mailers.from_address import Sender
from mailers.letters import registry
from mailers.letters.registry import MAILERS
from mailers.letters.site import Site
from mailers.mail import Mail, Skipped
from mailers.outbox import claims, suppression
from mailers.outbox.claims import Claimed
from mailers.smtp.mime import Header, message_id, written
from models.email_address import normalised

_log = logging.getLogger("candor.mail")

# Faults of ours, in a template or a mailer. What a data base or a network raises is no such fault.
_BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)
# So long, in seconds, rendering may keep others from their work.
_STRETCH = 0.001


@dataclass(frozen=True)
class Letter:
    """A mail in its envelope."""

    sender: str
    address: str
    # The address as suppression and opt-out know it.
    recipient: str
    # Milliseconds since 1970; the mail's own date, the same in every attempt.
    dated_at: int
    raw: bytes


@dataclass(frozen=True)
class Broken:
    """The mail cannot be written, by a fault of ours."""

    error: str


Written = Letter | Skipped | Broken


@dataclass(frozen=True, slots=True)
class _Draft:
    """A mail that may be unwanted. The address as it goes on the wire, and as a hash."""

    mail: Mail
    address: str
    recipient: str


async def compose(claimed: Iterable[Claimed], site: Site) -> list[Written]:
    """The letters of promises as the world is now, or the reasons why there are none.

    The world is asked once for all of them.
    """
    mails = list(claimed)
    known = await registry.read((mail.mail, mail.subject_id) for mail in mails)
    seen = replace(site, known=known)
    drafts, since = [], time.monotonic()
    for mail in mails:
        drafts.append(await _draft(mail, seen))
        since = await _breath(since)
    objections = await suppression.objections(
        {d.recipient for d in drafts if isinstance(d, _Draft)}
    )
    letters = []
    for mail, draft in zip(mails, drafts, strict=True):
        letters.append(_written(mail, draft, objections, site))
        since = await _breath(since)
    return letters


async def _breath(since: float) -> float:
    """Let others work, if it is time; since when we work without a break."""
    if time.monotonic() - since < _STRETCH:
        return since
    await asyncio.sleep(0)
    return time.monotonic()


async def _draft(claimed: Claimed, site: Site) -> _Draft | Skipped | Broken:
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
    return _Draft(mail, address, suppression.recipient_hash(site.digests_secret, address))


def _written(
    claimed: Claimed,
    draft: _Draft | Skipped | Broken,
    objections: dict[str, set[str]],
    site: Site,
) -> Written:
    if not isinstance(draft, _Draft):
        return draft
    reason = suppression.why_not(claimed.mail, objections.get(draft.recipient, set()))
    if reason is not None:
        return Skipped(reason)
    try:
        return _letter(claimed, draft, site)
    except _BUGS as error:
        return _broken(claimed, error)


def _letter(claimed: Claimed, draft: _Draft, site: Site) -> Letter:
    config, mail = site.config, draft.mail
    dated_at = claimed.dated_at or claims.now()
    sender = Sender.parse(config.mail_from)
    raw = written(
        sender=(sender.name, sender.address),
        to=(mail.to.greeted, draft.address),
        subject=mail.subject,
        date=datetime.fromtimestamp(dated_at / 1000, UTC),
        message_id=message_id(site.digests_secret, claimed.dedupe_key, sender.domain),
        text=mail.text,
        html=mail.html,
        headers=headers(claimed.mail, mail),
    )
    return Letter(sender.address, draft.address, draft.recipient, dated_at, raw)


def _broken(claimed: Claimed, error: Exception) -> Broken:
    _log.error("mail %s (%s) cannot be written", claimed.id, claimed.mail, exc_info=error)
    return Broken(repr(error))


def headers(name: str, mail: Mail) -> list[Header]:
    """What mail programs and other robots should know of this mail."""
    lines = [
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("Content-Language", mail.locale),
        ("X-Mail-Kind", name),
    ]
    if mail.reply_to is not None:
        lines.append(("Reply-To", mail.reply_to))
    if mail.unsubscribe is not None:
        lines.append(("List-Unsubscribe", f"<{mail.unsubscribe}>"))
        lines.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return lines
