"""What admins do with mails of the outbox: retry, cancel, see what is overdue."""

from uuid import UUID

from mailers.catalogue import CATALOGUE
from mailers.outbox.claims import now
from models import OutboxMail, sql

_RETRY = """
UPDATE outbox_mail SET status = 'SCHEDULED', due_at = ?, expires_at = ?, attempts = 0,
  in_data = ?, reason = NULL, finished_at = NULL
WHERE id = ? AND status IN ('DEAD', 'EXPIRED', 'UNCERTAIN')"""

_CANCEL = """
UPDATE outbox_mail SET status = 'CANCELLED', reason = ?, finished_at = ?, lease_token = NULL,
  lease_until = NULL
WHERE id = ? AND (status = 'SCHEDULED' OR status = 'SENDING' AND in_data = ?)"""

_OLDEST_DUE = (
    "SELECT min(due_at) AS due_at FROM outbox_mail WHERE status = 'SCHEDULED' AND due_at <= ?"
)


async def retry(mail_id: UUID) -> bool:
    """Send a dead, expired or uncertain mail now; False if it is in another state.

    It keeps its Message-ID and date, so that a recipient's server can recognise a second copy.
    """
    mail = await OutboxMail.get_or_none(id=mail_id)
    if mail is None or mail.mail not in CATALOGUE:
        return False
    moment = now()
    lifetime = int(CATALOGUE[mail.mail].expires_after.total_seconds() * 1000)
    return bool(await sql.execute(_RETRY, moment, moment + lifetime, False, mail_id))


async def cancel(mail_id: UUID, *, because: str) -> bool:
    """Cancel a mail; False if its text is being sent, or it has ended."""
    return bool(await sql.execute(_CANCEL, because[:200], now(), mail_id, False))


async def oldest_due() -> int | None:
    """When the most overdue mail was due, in milliseconds since 1970; None without one."""
    due: int | None = (await sql.fetch(_OLDEST_DUE, now()))[0]["due_at"]
    return due
