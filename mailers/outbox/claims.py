"""The worker's side of the outbox: claim, hold, mark, close. One statement each, no transaction,
and often one for several mails.

A claimed mail carries a lease. Every write names the lease's token, so that a worker that slept
past its lease changes nothing and, above all, sends nothing: `mark` is the last gate before DATA.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from mailers import plain_text
from mailers.catalogue import CATALOGUE
from mailers.outbox.batched_writes import Entry, Write, alone
from mailers.outbox.promise import milliseconds
from models import clock, sql


@dataclass(frozen=True)
class Claimed:
    """A mail that this worker holds."""

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


_COLUMNS = tuple(field.name for field in fields(Claimed))
# Mails that only a newer version knows are left for its workers.
_KNOWN = sql.one_of("mail", CATALOGUE)

_CLAIM_ON_POSTGRES = f"""
WITH due AS MATERIALIZED (
  SELECT id FROM outbox_mail WHERE status = 'SCHEDULED' AND due_at <= ? AND {_KNOWN}
  ORDER BY due_at, id LIMIT ? FOR UPDATE SKIP LOCKED)
UPDATE outbox_mail AS m SET status = 'SENDING', lease_token = ?, lease_until = ?, in_data = ?
FROM due WHERE m.id = due.id RETURNING {", ".join(f"m.{name}" for name in _COLUMNS)}"""

_CLAIM_ON_SQLITE = f"""
WITH due AS (
  SELECT id FROM outbox_mail WHERE status = 'SCHEDULED' AND due_at <= ? AND {_KNOWN}
  ORDER BY due_at, id LIMIT ?)
UPDATE outbox_mail SET status = 'SENDING', lease_token = ?, lease_until = ?, in_data = ?
WHERE id IN (SELECT id FROM due) RETURNING {", ".join(_COLUMNS)}"""

OVERDUE = "it was overdue for too long"

_BEAT = "UPDATE outbox_mail SET lease_until = ? WHERE status = 'SENDING' AND lease_token IN "

_CONFIRM = """
UPDATE outbox_mail SET status = 'SENT', reason = NULL, finished_at = ?
WHERE id = ? AND status IN ('UNCERTAIN', 'SCHEDULED')"""

_REAP_UNSENT = """
UPDATE outbox_mail SET status = 'SCHEDULED', lease_token = NULL, lease_until = NULL
WHERE status = 'SENDING' AND lease_until < ? AND in_data = ?"""

_EXPIRE = """
UPDATE outbox_mail SET status = 'EXPIRED', reason = ?, finished_at = ?
WHERE status = 'SCHEDULED' AND due_at <= ? AND expires_at < ?"""

_ABANDONED = f"""
SELECT {", ".join(_COLUMNS)} FROM outbox_mail
WHERE status = 'SENDING' AND lease_until < ? AND in_data = ? AND {_KNOWN}"""

_NEXT = f"SELECT min(due_at) AS due_at FROM outbox_mail WHERE status = 'SCHEDULED' AND {_KNOWN}"


def now() -> int:
    return milliseconds(clock.now())


def _words(text: str | None, longest: int) -> str | None:
    """As both databases can keep them: a server may say anything."""
    return plain_text.one_line(text, longest) if text else None


async def claim_due(*, limit: int, lease: float) -> list[Claimed]:
    """Take up to `limit` due mails, the most overdue first, for `lease` seconds."""
    statement = _CLAIM_ON_POSTGRES if sql.is_postgres() else _CLAIM_ON_SQLITE
    moment, token = now(), secrets.token_hex(8)
    rows = await sql.fetch(statement, moment, limit, token, moment + int(lease * 1000), False)
    return sorted((Claimed(**row) for row in rows), key=lambda mail: (mail.due_at, mail.id))


async def beat(tokens: Iterable[str], *, lease: float) -> None:
    """A sign of life: the mails held under these tokens are ours for another lease."""
    held = list(tokens)
    if held:
        await sql.execute(f"{_BEAT}({sql.places(held)})", now() + int(lease * 1000), *held)


async def mark(
    mail: Claimed, *, address: str, dated_at: int, lease: float, write: Write = alone
) -> bool:
    """Write ahead that DATA begins now; False when the mail is not ours any more.

    One statement decides whether the lease still holds and whether nobody has cancelled, and it is
    committed when this returns.
    """
    changes = {
        "in_data": True,
        "dated_at": dated_at,
        "address": address,
        "lease_until": now() + int(lease * 1000),
    }
    return await write(Entry(mail.id, mail.lease_token, changes))


def finished(
    mail: Claimed,
    status: str,
    *,
    reason: str | None = None,
    attempt: int = 1,
    code: int | None = None,
    error: str | None = None,
) -> Entry:
    """The entry that closes a mail that we hold."""
    changes = {
        "status": status,
        "reason": _words(reason, 200),
        "finished_at": now(),
        "attempts": attempt,
        "last_code": code,
        "last_error": _words(error, 300),
    }
    return Entry(mail.id, mail.lease_token, changes)


async def finish(mail: Claimed, status: str, *, write: Write = alone, **how: Any) -> bool:
    """Close a mail that we hold; False when it is not ours any more."""
    return await write(finished(mail, status, **how))


async def confirm(mail: Claimed) -> bool:
    """A server's late word, after the lease was lost, that the mail was taken: no more doubt."""
    return bool(await sql.execute(_CONFIRM, now(), mail.id))


async def reschedule(
    mail: Claimed,
    *,
    delay: float,
    attempt: int = 1,
    ambiguous: int = 0,
    code: int | None = None,
    error: str | None = None,
    write: Write = alone,
) -> None:
    """Give a mail back, to be tried again in `delay` seconds, at its expiry at the latest."""
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
        "last_error": _words(error, 300),
    }
    await write(Entry(mail.id, mail.lease_token, changes))


async def release(mail: Claimed, *, write: Write = alone) -> None:
    """Give back a mail that was not begun, as if it had never been claimed."""
    await write(Entry(mail.id, mail.lease_token, {"status": "SCHEDULED", "in_data": False}))


async def silence(mail: Claimed, *, why: str, resend_in: float, write: Write = alone) -> None:
    """The whole mail was handed over and no answer came: once more, or an admin decides."""
    if CATALOGUE[mail.mail].resend_when_uncertain and mail.ambiguous == 0:
        await reschedule(mail, delay=resend_in, ambiguous=1, error=why, write=write)
    else:
        await finish(mail, "UNCERTAIN", error=why, write=write)


async def reap(*, resend_in: float) -> int:
    """Take mails from workers that gave no sign of life for a whole lease; how many."""
    moment = now()
    freed = await sql.execute(_REAP_UNSENT, moment, False)
    abandoned = await sql.fetch(_ABANDONED, moment, True)
    for row in abandoned:
        why = "the worker was gone before the server answered"
        await silence(Claimed(**row), why=why, resend_in=resend_in)
    return freed + len(abandoned)


async def expire() -> int:
    """Close all mails that nobody needs any more, as after a long outage; how many."""
    moment = now()
    return await sql.execute(_EXPIRE, OVERDUE, moment, moment, moment)


async def next_due() -> int | None:
    """When the next scheduled mail is due, in milliseconds since 1970; overdue ones included."""
    due: int | None = (await sql.fetch(_NEXT))[0]["due_at"]
    return due
