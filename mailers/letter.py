"""From a promise to bytes: ask the mailer, ask whether the recipient wants it, write it down."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mailers import outbox, suppression
from mailers.mail import Mail, Skipped
from mailers.outbox import Claimed
from mailers.registry import MAILERS
from mailers.sender import Sender
from mailers.site import Site
from mailers.wire import Header, message_id, written
from models.email_address import normalised


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


async def compose(claimed: Claimed, site: Site) -> Letter | Skipped:
    """The letter of a promise as the world is now, or the reason why there is none."""
    config, mailer = site.config, MAILERS[claimed.mail]
    mail = await mailer(site, claimed.subject_id, **claimed.params)
    if isinstance(mail, Skipped):
        return mail
    try:
        address = normalised(mail.to.address or "")
    except ValueError as error:
        return Skipped(str(error))
    recipient = suppression.recipient_hash(config.secret, address)
    reason = await suppression.why_not(claimed.mail, recipient)
    if reason is not None:
        return Skipped(reason)
    dated_at = claimed.dated_at or outbox.now()
    sender = Sender.parse(config.mail_from)
    raw = written(
        sender=(sender.name, sender.address),
        to=(mail.to.name, address),
        subject=mail.subject,
        date=datetime.fromtimestamp(dated_at / 1000, UTC),
        message_id=message_id(config.secret, claimed.dedupe_key, sender.domain),
        text=mail.text,
        html=mail.html,
        headers=headers(claimed.mail, mail),
    )
    return Letter(sender.address, address, recipient, dated_at, raw)


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
