"""How long the outbox keeps personal data. Keys of promises are never deleted."""

from datetime import timedelta

from mailers.outbox.claims import now
from models import sql

KEPT_FOR = timedelta(days=90)

_CLEAR = "address = NULL, params = ?, last_error = NULL"

_FORGET_OLD = f"""
UPDATE outbox_mail SET {_CLEAR}, recipient = ''
WHERE finished_at < ? AND status NOT IN ('SCHEDULED', 'SENDING') AND recipient <> ''"""

_FORGET_PERSON = f"""
UPDATE outbox_mail SET {_CLEAR}, recipient = '', lease_token = NULL, lease_until = NULL,
  reason = CASE WHEN status IN ('SCHEDULED', 'SENDING') THEN ? ELSE reason END,
  finished_at = COALESCE(finished_at, ?),
  status = CASE WHEN status IN ('SCHEDULED', 'SENDING') THEN 'CANCELLED' ELSE status END
WHERE audience = ? AND recipient = ?"""

_FORGET_OLD_ATTEMPTS = "DELETE FROM mail_attempt WHERE failed_at < ?"

_FORGET_ATTEMPTS_OF = """
DELETE FROM mail_attempt
WHERE mail_id IN (SELECT id FROM outbox_mail WHERE audience = ? AND recipient = ?)"""


_FORGET_MARKS = "DELETE FROM inbox_mark WHERE audience = ? AND recipient = ?"


async def forget_old() -> int:
    """Clear the personal data of mails that ended `KEPT_FOR` ago; returns their number.

    Their keys stay, so that a mail that was sent is never promised again.
    """
    before = now() - int(KEPT_FOR.total_seconds() * 1000)
    await sql.execute(_FORGET_OLD_ATTEMPTS, before)
    return await sql.execute(_FORGET_OLD, {}, before)


async def forget_person(audience: str, recipient: str) -> int:
    """Erase a person in the caller's transaction, and cancel the mails that have not left.

    Returns the number of mails. Suppressions and opt-outs stay: they are digests, and stop further
    mails to the address.
    """
    await sql.execute(_FORGET_ATTEMPTS_OF, audience, recipient)
    await sql.execute(_FORGET_MARKS, audience, recipient)
    because = "the recipient was erased"
    return await sql.execute(_FORGET_PERSON, {}, because, now(), audience, recipient)
