"""Promise a mail: a row in the outbox and a notice in the app, in the caller's transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from mailers.catalogue import CATALOGUE, REFUSED
from models import Audience, Customer, Vendor, announcements, clock, sql
from models.database import transaction
from models.one_round_trip import AT_ONCE, Writes
from models.uuid7 import uuid7


class Subject(Protocol):
    """The row that a mail is about."""

    id: UUID


@dataclass(frozen=True)
class Addressee:
    """The site's admin, who is no row of ours, or a member of the team."""

    audience: Audience
    external_id: str
    email: str | None


Recipient = Customer | Vendor | Addressee

_AUDIENCES: dict[type, Audience] = {Customer: Audience.CUSTOMER, Vendor: Audience.VENDOR}

_PROMISE = """
INSERT INTO outbox_mail (id, mail, dedupe_key, audience, recipient, address, subject_type,
  subject_id, params, status, due_at, expires_at, attempts, ambiguous, in_data, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'SCHEDULED', ?, ?, 0, 0, ?, ?)
ON CONFLICT (dedupe_key) DO UPDATE SET status = 'SCHEDULED', reason = NULL, finished_at = NULL,
  due_at = excluded.due_at, expires_at = excluded.expires_at, recipient = excluded.recipient,
  address = excluded.address,
  params = excluded.params
WHERE outbox_mail.status = 'CANCELLED' AND outbox_mail.reason LIKE 'withdrawn: %'"""

_NOTIFY = """
INSERT INTO notification (id, audience, recipient, kind, event_key, subject_type, subject_id,
  created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING"""

_WITHDRAW = """
UPDATE outbox_mail SET status = 'CANCELLED', reason = ?, finished_at = ?, lease_token = NULL,
  lease_until = NULL
WHERE subject_id = ? AND mail = ? AND status IN ('SCHEDULED', 'SENDING') AND in_data = ?"""

# A worker that holds one of them has lost it: it wrote to the person before.
_READDRESS = """
UPDATE outbox_mail SET recipient = ?, address = ?, status = 'SCHEDULED', lease_token = NULL,
  lease_until = NULL
WHERE subject_id IN ({about}) AND status IN ('SCHEDULED', 'SENDING') AND in_data = ?
  AND audience = 'CUSTOMER' AND recipient = ?"""

_RENOTIFY = """
UPDATE notification SET recipient = ?
WHERE subject_id IN ({about}) AND audience = 'CUSTOMER' AND recipient = ?"""

_SILENCE = "DELETE FROM notification WHERE subject_id = ? AND kind = ? AND created_at > ?"


async def deliver_later(
    mail: str,
    *,
    to: Recipient,
    about: Subject,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    occasion: str = "",
    writes: Writes = AT_ONCE,
    **params: Any,
) -> None:
    """Promise `mail` about a row to a person, once and for ever.

    The same mail about the same row to the same person is promised once; `occasion` tells apart
    what may happen again to one row (a second completion, a second solve). Only a promise that was
    withdrawn before it left can be made again. The promise stands or falls with the caller's
    transaction, or with `writes`. Nothing is rendered now: the mailer looks at the world when the
    mail is due. `due_at` is an instant, by default now or after the kind's grace; the notice in the
    app shows up at that instant too. Past `expires_at` the mail is not sent any more.
    """
    kind, now = CATALOGUE[mail], clock.now()
    due = due_at or now + kind.grace
    audience = to.audience if isinstance(to, Addressee) else _AUDIENCES[type(to)]
    key = _key(mail, about, occasion, f"{audience}:{to.external_id}")
    person, subject = (audience, to.external_id), (type(about).__name__, about.id)
    expiry = milliseconds(expires_at or due + kind.expires_after)
    times = (milliseconds(due), expiry, False, milliseconds(now))
    await writes.add(_PROMISE, uuid7(), mail, key, *person, to.email, *subject, params, *times)
    await _notify(mail, person, key, subject, due, writes)


async def tell_admins_of_refusal(mail_id: UUID) -> None:
    """Put a notice into the admins' inbox that the relay refuses us, about a mail that met it.

    One a day: it is a matter for a human, and none for a mail.
    """
    now = clock.now()
    key, person = f"{REFUSED}:{now:%Y-%m-%d}", (Audience.ADMIN, "admin")
    async with transaction():
        await _notify(REFUSED, person, key, ("MailDelivery", mail_id), now, AT_ONCE)


async def _notify(
    kind: str,
    person: tuple[Audience, str],
    key: str,
    subject: tuple[str, UUID],
    due: datetime,
    writes: Writes,
) -> None:
    notice, (audience, recipient) = uuid7(), person
    await writes.add(_NOTIFY, notice, *person, kind, key, *subject, due)
    # Of a notice that was there already nobody will find this id.
    await announcements.announce(
        "notification", writes=writes, id=notice, audience=audience, recipient=recipient, due=due
    )


def _key(mail: str, about: Subject, occasion: str, person: str) -> str:
    digest = hashlib.sha256(person.encode()).hexdigest()[:32]
    return f"{mail}:{about.id.hex}:{occasion}:{digest}"


async def withdraw(mail: str, *, about: UUID, because: str, writes: Writes = AT_ONCE) -> None:
    """Cancel a promised mail that has not left, and the notice that nobody has seen yet.

    Called in the transaction that removes the mail's cause, or with its `writes`.
    """
    now = clock.now()
    await writes.add(_WITHDRAW, f"withdrawn: {because}", milliseconds(now), about, mail, False)
    await writes.add(_SILENCE, about, mail, now)


async def withdraw_all(*, about: UUID, because: str) -> None:
    """The same of every mail about a row, in the transaction that removes the row."""
    mails = await sql.fetch("SELECT DISTINCT mail FROM outbox_mail WHERE subject_id = ?", about)
    for row in mails:
        await withdraw(row["mail"], about=about, because=because)


async def readdress(person: str, to: Customer, *, about: Sequence[UUID]) -> None:
    """Give a customer's notices and promised mails about these rows to another customer.

    What is with the relay already stays with whom it was written to. Called in the transaction that
    gives the rows away.
    """
    places = sql.places(about)
    address = (to.external_id, to.email)
    await sql.execute(_READDRESS.format(about=places), *address, *about, False, person)
    await sql.execute(_RENOTIFY.format(about=places), to.external_id, *about, person)


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, as the outbox keeps instants."""
    return int(instant.timestamp() * 1000)
