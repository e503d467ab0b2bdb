"""What workers do with mails of the outbox: claim, keep, mark, close.

Each is one statement, often for several mails. A claimed mail has a lease, and every write names
the lease's token: a worker that slept past its lease changes nothing and, above all, sends nothing,
since `mark` is the last gate before DATA.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from mailers import plain_text
from mailers.catalogue import CATALOGUE
from mailers.outbox.batched_writes import Change, Write, write_one
from mailers.outbox.promise import milliseconds
from models import clock, sql


@dataclass(frozen=True)
class ClaimedMail:
    """A mail that this worker has claimed: its row."""

    id: UUID
    mail: str
    dedupe_key: str
    audience: str
    recipient: str
    address: str | None
    subject_id: UUID
    params: dict[str, Any]
    due_at: int
    expires_at: int | None
    attempts: int
    ambiguous: int
    lease_token: str
    dated_at: int | None


_COLUMNS = tuple(field.name for field in fields(ClaimedMail))
# Mails of kinds that only a newer version knows are left to its workers.
_KNOWN_KIND = sql.one_of("mail", CATALOGUE)

_CLAIM_ON_POSTGRES = f"""
WITH due AS MATERIALIZED (
  SELECT id FROM outbox_mail WHERE status = 'SCHEDULED' AND due_at <= ? AND {_KNOWN_KIND}
  ORDER BY due_at, id LIMIT ? FOR UPDATE SKIP LOCKED)
UPDATE outbox_mail AS m SET status = 'SENDING', lease_token = ?, lease_until = ?, in_data = ?
FROM due WHERE m.id = due.id RETURNING {", ".join(f"m.{name}" for name in _COLUMNS)}"""

_CLAIM_ON_SQLITE = f"""
WITH due AS (
  SELECT id FROM outbox_mail WHERE status = 'SCHEDULED' AND due_at <= ? AND {_KNOWN_KIND}
  ORDER BY due_at, id LIMIT ?)
UPDATE outbox_mail SET status = 'SENDING', lease_token = ?, lease_until = ?, in_data = ?
WHERE id IN (SELECT id FROM due) RETURNING {", ".join(_COLUMNS)}"""

OVERDUE = "it was overdue for too long"

_RENEW = "UPDATE outbox_mail SET lease_until = ? WHERE status = 'SENDING' AND lease_token IN "

_CONFIRM = """
UPDATE outbox_mail SET status = 'SENT', reason = NULL, finished_at = ?
WHERE id = ? AND status IN ('UNCERTAIN', 'SCHEDULED')"""

_FREE_UNSENT = """
UPDATE outbox_mail SET status = 'SCHEDULED', lease_token = NULL, lease_until = NULL
WHERE status = 'SENDING' AND lease_until < ? AND in_data = ?"""

_EXPIRE = """
UPDATE outbox_mail SET status = 'EXPIRED', reason = ?, finished_at = ?
WHERE status = 'SCHEDULED' AND due_at <= ? AND expires_at < ?"""

_EXPIRED_IN_DATA = f"""
SELECT {", ".join(_COLUMNS)} FROM outbox_mail
WHERE status = 'SENDING' AND lease_until < ? AND in_data = ? AND {_KNOWN_KIND}"""

_NEXT_DUE = (
    f"SELECT min(due_at) AS due_at FROM outbox_mail WHERE status = 'SCHEDULED' AND {_KNOWN_KIND}"
)


def now() -> int:
    return milliseconds(clock.now())


def _storable(text: str | None, max_length: int) -> str | None:
    """Strip characters that PostgreSQL rejects: a server's text is untrusted."""
    return plain_text.one_line(text, max_length) if text else None


async def claim_due(*, limit: int, lease: float) -> list[ClaimedMail]:
    """Claim up to `limit` due mails for `lease` seconds, the most overdue first."""
    statement = _CLAIM_ON_POSTGRES if sql.is_postgres() else _CLAIM_ON_SQLITE
    moment, token = now(), secrets.token_hex(8)
    rows = await sql.fetch(statement, moment, limit, token, moment + int(lease * 1000), False)
    return sorted((ClaimedMail(**row) for row in rows), key=lambda mail: (mail.due_at, mail.id))


async def renew_leases(tokens: Iterable[str], *, lease: float) -> None:
    """Extend these leases to `lease` seconds from now."""
    renewed = list(tokens)
    if renewed:
        moment = now() + int(lease * 1000)
        await sql.execute(f"{_RENEW}({sql.places(renewed)})", moment, *renewed)


async def mark(
    mail: ClaimedMail, *, address: str, dated_at: int, lease: float, write: Write = write_one
) -> bool:
    """Write ahead that DATA begins now; False if the mail was cancelled or its lease was lost.

    The statement that checks this is committed when this returns.
    """
    changes = {
        "in_data": True,
        "dated_at": dated_at,
        "address": address,
        "lease_until": now() + int(lease * 1000),
    }
    return await write(Change(mail.id, mail.lease_token, changes))


def final_change(
    mail: ClaimedMail,
    status: str,
    *,
    reason: str | None = None,
    attempt: int = 1,
    code: int | None = None,
    error: str | None = None,
) -> Change:
    """The change that closes a claimed mail."""
    changes = {
        "status": status,
        "reason": _storable(reason, 200),
        "finished_at": now(),
        "attempts": attempt,
        "last_code": code,
        "last_error": _storable(error, 300),
    }
    return Change(mail.id, mail.lease_token, changes)


async def finish(mail: ClaimedMail, status: str, *, write: Write = write_one, **how: Any) -> bool:
    """Close a claimed mail; False if its lease was lost."""
    return await write(final_change(mail, status, **how))


async def confirm(mail: ClaimedMail) -> bool:
    """Close as SENT a mail whose lease was lost before the server's late 250."""
    return bool(await sql.execute(_CONFIRM, now(), mail.id))


async def reschedule(
    mail: ClaimedMail,
    *,
    delay: float,
    attempt: int = 1,
    ambiguous: int = 0,
    code: int | None = None,
    error: str | None = None,
    write: Write = write_one,
) -> None:
    """Give a mail back, to be sent in `delay` seconds, at its expiry at the latest."""
    due_at = now() + int(delay * 1000)
    if mail.expires_at is not None:
        due_at = min(due_at, max(mail.expires_at, now()))
    changes = {
        "status": "SCHEDULED",
        "due_at": due_at,
        "attempts": attempt,
        "ambiguous": ambiguous,
        "in_data": False,
        "last_code": code,
        "last_error": _storable(error, 300),
    }
    await write(Change(mail.id, mail.lease_token, changes))


async def release(mail: ClaimedMail, *, write: Write = write_one) -> None:
    """Give back a mail that was not started, as if it had never been claimed."""
    await write(Change(mail.id, mail.lease_token, {"status": "SCHEDULED", "in_data": False}))


async def settle_unanswered(
    mail: ClaimedMail, *, why: str, resend_in: float, write: Write = write_one
) -> None:
    """The whole text was sent and no response came: send it again, or leave it to an admin."""
    if CATALOGUE[mail.mail].resend_when_uncertain and mail.ambiguous == 0:
        await reschedule(mail, delay=resend_in, ambiguous=1, error=why, write=write)
    else:
        await finish(mail, "UNCERTAIN", error=why, write=write)


async def reclaim_expired(*, resend_in: float) -> int:
    """Take back the mails whose leases have run out; returns their number."""
    moment = now()
    freed = await sql.execute(_FREE_UNSENT, moment, False)
    in_data = await sql.fetch(_EXPIRED_IN_DATA, moment, True)
    for row in in_data:
        why = "the worker was gone before the server answered"
        await settle_unanswered(ClaimedMail(**row), why=why, resend_in=resend_in)
    return freed + len(in_data)


async def expire() -> int:
    """Close all due mails past their expiry; returns their number."""
    moment = now()
    return await sql.execute(_EXPIRE, OVERDUE, moment, moment, moment)


async def next_due() -> int | None:
    """When the next scheduled mail is due, in milliseconds since 1970; overdue ones included."""
    due: int | None = (await sql.fetch(_NEXT_DUE))[0]["due_at"]
    return due
