"""Promises a mail: a row in the outbox and a notification, in the caller's transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from mailers.catalogue import CATALOGUE, GATHERED, MAIL_REFUSED
from models import Audience, Customer, OutboxMail, Vendor, announcements, clock, sql
from models.database import transaction
from models.one_round_trip import AT_ONCE, Writes
from models.uuid7 import uuid7


class Subject(Protocol):
    """The row that a mail is about."""

    id: UUID


@dataclass(frozen=True)
class Addressee:
    """The site's admin, who has no row, or a member of the team."""

    audience: Audience
    external_id: str
    email: str | None


Recipient = Customer | Vendor | Addressee

_AUDIENCES: dict[type, Audience] = {Customer: Audience.CUSTOMER, Vendor: Audience.VENDOR}

# What follows a gathered mail within this time is told in one mail.
GATHERING = timedelta(minutes=10)
# A transaction that sees a gathered mail to come is committed by then, and so is told in it.
_COMMITTED_BY = timedelta(seconds=60)

_INSERT = """
INSERT INTO outbox_mail (id, mail, dedupe_key, audience, recipient, address, subject_type,
  subject_id, params, status, due_at, expires_at, attempts, ambiguous, in_data, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'SCHEDULED', ?, ?, 0, 0, ?, ?)"""

_PROMISE_ONCE = f"{_INSERT} ON CONFLICT DO NOTHING RETURNING id"

_LATEST = """
SELECT id, due_at FROM outbox_mail WHERE mail = ? AND audience = ? AND recipient = ?
ORDER BY due_at DESC LIMIT 1"""

# The reason of mails that did not leave because their kind is switched off.
SWITCHED_OFF = "mails of this kind are switched off"

_PROMISE = f"""{_INSERT}
ON CONFLICT (dedupe_key) DO UPDATE SET status = 'SCHEDULED', reason = NULL, finished_at = NULL,
  due_at = excluded.due_at, expires_at = excluded.expires_at, recipient = excluded.recipient,
  address = excluded.address,
  params = excluded.params
WHERE outbox_mail.status = 'CANCELLED' AND (outbox_mail.reason LIKE 'withdrawn: %'
  OR outbox_mail.reason LIKE 'not promised: %' OR outbox_mail.reason = '{SWITCHED_OFF}')"""

# Says why there is no mail, under the key that it would have had.
_DO_NOT_PROMISE = """
INSERT INTO outbox_mail (id, mail, dedupe_key, audience, recipient, address, subject_type,
  subject_id, params, status, reason, finished_at, due_at, expires_at, attempts, ambiguous,
  in_data, created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'CANCELLED', ?, ?, ?, ?, 0, 0, ?, ?)
ON CONFLICT DO NOTHING"""

_INSERT_NOTIFICATION = """
INSERT INTO notification (id, audience, recipient, kind, event_key, subject_type, subject_id,
  created_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING"""

_WITHDRAW = """
UPDATE outbox_mail SET status = 'CANCELLED', reason = ?, finished_at = ?, lease_token = NULL,
  lease_until = NULL
WHERE subject_id = ? AND {mail} = ? AND status IN ('SCHEDULED', 'SENDING') AND in_data = ?"""

_WITHDRAW_FROM_TEAM = """
UPDATE outbox_mail SET status = 'CANCELLED', reason = ?, finished_at = ?, lease_token = NULL,
  lease_until = NULL
WHERE audience = 'TEAM' AND recipient IN ({people}) AND status IN ('SCHEDULED', 'SENDING')
  AND in_data = ?"""

_DELETE_TEAMS_NOTIFICATIONS = (
    "DELETE FROM notification"
    " WHERE audience = 'TEAM' AND recipient IN ({people}) AND created_at > ?"
)

# Ends the claim of a worker that may have composed the mail for the former customer.
_READDRESS = """
UPDATE outbox_mail SET recipient = ?, address = ?, status = 'SCHEDULED', lease_token = NULL,
  lease_until = NULL
WHERE subject_id IN ({about}) AND status IN ('SCHEDULED', 'SENDING') AND in_data = ?
  AND audience = 'CUSTOMER' AND recipient = ?"""

_MOVE_NOTIFICATIONS = """
UPDATE notification SET recipient = ?
WHERE subject_id IN ({about}) AND audience = 'CUSTOMER' AND recipient = ?"""

_DELETE_NOTIFICATION = (
    "DELETE FROM notification WHERE subject_id = ? AND kind = ? AND created_at > ?"
)


async def deliver_later(
    kind: str,
    *,
    to: Recipient,
    about: Subject,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
    occasion: str = "",
    writes: Writes = AT_ONCE,
    **params: Any,
) -> None:
    """Promise a mail about a row to a person, and the notification of the same kind.

    The same kind about the same row to the same person is promised once, unless the first promise
    was withdrawn; `occasion` distinguishes events that may happen again to one row (a second
    completion, a second solve). The promise is part of the caller's transaction, or of `writes`.
    Nothing is rendered now: the mailer reads the rows when the mail is due. `due_at` is by default
    now plus the kind's grace; the notification appears then, too. After `expires_at` the mail is
    not sent. `params` are passed to the mailer.
    """
    due = due_at or clock.now() + CATALOGUE[kind].grace
    await mail_later(
        kind,
        to=to,
        about=about,
        due_at=due,
        expires_at=expires_at,
        occasion=occasion,
        writes=writes,
        **params,
    )
    await notify(kind, to=to, about=about, due_at=due, occasion=occasion, writes=writes)


async def mail_later(
    kind: str,
    *,
    to: Recipient,
    about: Subject,
    due_at: datetime,
    expires_at: datetime | None = None,
    occasion: str = "",
    writes: Writes = AT_ONCE,
    **params: Any,
) -> None:
    """Promise the mail alone: for those who are notified otherwise. See `deliver_later`."""
    expiry = milliseconds(expires_at or due_at + CATALOGUE[kind].expires_after)
    times = (milliseconds(due_at), expiry, False, milliseconds(clock.now()))
    person, subject = _person(to), (type(about).__name__, about.id)
    key = _key(kind, about, occasion, person)
    await writes.add(_PROMISE, uuid7(), kind, key, *person, to.email, *subject, params, *times)


async def do_not_promise(
    kind: str,
    *,
    because: str,
    to: Recipient,
    about: Subject,
    due_at: datetime,
    expires_at: datetime | None = None,
    occasion: str = "",
    writes: Writes = AT_ONCE,
    **params: Any,
) -> None:
    """Record why a mail is not promised; it can be later, if the reason goes. See `mail_later`."""
    now = milliseconds(clock.now())
    expiry = milliseconds(expires_at or due_at + CATALOGUE[kind].expires_after)
    person, subject = _person(to), (type(about).__name__, about.id)
    key = _key(kind, about, occasion, person)
    values = (uuid7(), kind, key, *person, to.email, *subject, params)
    ended = (because, now, milliseconds(due_at), expiry, False, now)
    await writes.add(_DO_NOT_PROMISE, *values, *ended)


async def notify(
    kind: str,
    *,
    to: Recipient,
    about: Subject,
    due_at: datetime | None = None,
    occasion: str = "",
    writes: Writes = AT_ONCE,
) -> None:
    """The notification alone, once for a person and occasion. See `deliver_later`."""
    person, subject = _person(to), (type(about).__name__, about.id)
    key = _key(kind, about, occasion, person)
    await _notify(kind, person, key, subject, due_at or clock.now(), writes)


def _person(to: Recipient) -> tuple[Audience, str]:
    audience = to.audience if isinstance(to, Addressee) else _AUDIENCES[type(to)]
    return audience, to.external_id


async def notify_admins_of_refusal(mail_id: UUID) -> None:
    """Notify the admins, at most once a day, that the relay refused this mail because of us."""
    now = clock.now()
    key, person = f"{MAIL_REFUSED}:{now:%Y-%m-%d}", (Audience.ADMIN, "admin")
    async with transaction():
        await _notify(MAIL_REFUSED, person, key, ("MailDelivery", mail_id), now, AT_ONCE)


async def _notify(
    kind: str,
    person: tuple[Audience, str],
    key: str,
    subject: tuple[str, UUID],
    due: datetime,
    writes: Writes,
) -> None:
    notification_id, (audience, recipient) = uuid7(), person
    await writes.add(_INSERT_NOTIFICATION, notification_id, *person, kind, key, *subject, due)
    # If the notification existed already, no listener finds a row of this id.
    await announcements.announce(
        "notification",
        writes=writes,
        id=notification_id,
        audience=audience,
        recipient=recipient,
        due=due,
    )


def _key(kind: str, about: Subject, occasion: str, person: tuple[Audience, str]) -> str:
    digest = hashlib.sha256(":".join(person).encode()).hexdigest()[:32]
    return f"{kind}:{about.id.hex}:{occasion}:{digest}"


async def withdraw(kind: str, *, about: UUID, because: str, writes: Writes = AT_ONCE) -> None:
    """Cancel a promised mail that has not left, and its notification if that is not due yet.

    Call it in the transaction that removes the mail's cause, or with its `writes`.
    """
    now = clock.now()
    # Without statistics SQLite would read every mail of this kind instead of the few about a row.
    statement = _WITHDRAW.format(mail=sql.without_index("mail"))
    await writes.add(statement, f"withdrawn: {because}", milliseconds(now), about, kind, False)
    await writes.add(_DELETE_NOTIFICATION, about, kind, now)


async def withdraw_all(*, about: UUID, because: str) -> None:
    """Withdraw every mail about a row, in the transaction that removes the row.

    Gathered ones tell of other rows, too, and are empty if there are none.
    """
    kinds = await sql.fetch("SELECT DISTINCT mail FROM outbox_mail WHERE subject_id = ?", about)
    for row in kinds:
        if row["mail"] not in GATHERED:
            await withdraw(row["mail"], about=about, because=because)


async def gather_later(kind: str, *, to: Addressee, about: Subject, **params: Any) -> None:
    """Promise a mail that tells of all rows that there are when it leaves, in a transaction.

    The first leaves at once. What happens within GATHERING after a mail is told in one that leaves
    when that time is over.
    """
    now = clock.now()
    latest = await _latest(kind, to)
    if latest is None or latest.due_at <= now - GATHERING:
        # Of several transactions at once, only one makes the first mail.
        window = int(now.timestamp() // GATHERING.total_seconds())
        key = _gathered_key(kind, to, f"first:{window}")
        if await _promise_gathered(kind, key, to, about, now, params):
            return
        latest = await _latest(kind, to)
    if latest is None or latest.due_at > now + _COMMITTED_BY:
        return
    key = _gathered_key(kind, to, f"after:{latest.id.hex}")
    due = max(latest.due_at + GATHERING, now + 2 * _COMMITTED_BY)
    await _promise_gathered(kind, key, to, about, due, params)


class _Gathered(NamedTuple):
    id: UUID
    due_at: datetime


async def _latest(kind: str, to: Addressee) -> _Gathered | None:
    rows = await sql.fetch(_LATEST, kind, *_person(to), types=sql.types_of(OutboxMail))
    if not rows:
        return None
    due = datetime.fromtimestamp(rows[0]["due_at"] / 1000, UTC)
    return _Gathered(rows[0]["id"], due)


async def _promise_gathered(
    kind: str, key: str, to: Addressee, about: Subject, due: datetime, params: dict[str, Any]
) -> bool:
    """False if another transaction has promised it."""
    expiry = milliseconds(due + CATALOGUE[kind].expires_after)
    times = (milliseconds(due), expiry, False, milliseconds(clock.now()))
    subject = (type(about).__name__, about.id)
    values = (uuid7(), kind, key, *_person(to), to.email, *subject, params, *times)
    return bool(await sql.fetch(_PROMISE_ONCE, *values))


def _gathered_key(kind: str, to: Addressee, occasion: str) -> str:
    digest = hashlib.sha256(":".join(_person(to)).encode()).hexdigest()[:32]
    return f"{kind}:{occasion}:{digest}"


async def withdraw_from_team(people: Sequence[str], *, because: str) -> None:
    """Withdraw what members of the team, by their external ids, have not received yet."""
    now, places = clock.now(), sql.places(people)
    statement = _WITHDRAW_FROM_TEAM.format(people=places)
    await sql.execute(statement, f"withdrawn: {because}", milliseconds(now), *people, False)
    await sql.execute(_DELETE_TEAMS_NOTIFICATIONS.format(people=places), *people, now)


async def readdress(person: str, to: Customer, *, about: Sequence[UUID]) -> None:
    """Move a customer's notifications and promised mails about these rows to another customer.

    Mails that are being sent stay as they are. Call it in the transaction that hands the rows over.
    """
    places = sql.places(about)
    address = (to.external_id, to.email)
    await sql.execute(_READDRESS.format(about=places), *address, *about, False, person)
    await sql.execute(_MOVE_NOTIFICATIONS.format(about=places), to.external_id, *about, person)


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970, as the outbox stores instants."""
    return int(instant.timestamp() * 1000)
