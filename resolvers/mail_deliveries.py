"""Mails and their status, for admins: list, retry, cancel."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

import mailers
from models import Audience, MailAttempt, MailStatus, OutboxMail, sql
from models.database import transaction
from resolvers import tracking_log
from resolvers.errors import Conflict, NotFound
from resolvers.keyset import Page, PageRequest, Sort, Term
from resolvers.scoped_pages import Listing, all_of, list_pages
from resolvers.viewer import Condition, Viewer

# Ids are UUIDv7, so they sort by time.
_NEWEST = Sort("NEWEST", (Term("m.id", UUID),), lambda row: [row["id"].hex])
_LISTING = Listing(OutboxMail, sql.columns(OutboxMail, "m"), "outbox_mail m")
# A newer version of Candor may store values unknown to this one.
_KNOWN = f"{sql.one_of('m.status', MailStatus)} AND {sql.one_of('m.audience', Audience)}"


@dataclass(frozen=True)
class MailFilter:
    """Conditions that narrow the list; all of them must hold."""

    status: MailStatus | None = None
    mail: str | None = None
    # A person's id in the marketplace, or an e-mail address.
    recipient: str | None = None
    subject_id: UUID | None = None

    def condition(self) -> Condition:
        conditions = [Condition(_KNOWN)]
        if self.status is not None:
            # Written so that the planner can choose the partial index.
            unsent = "" if self.status is MailStatus.SENT else " AND m.status <> 'SENT'"
            conditions.append(Condition(f"m.status = '{self.status.value}'{unsent}"))
        if self.mail in mailers.CATALOGUE:
            # A literal, so that the planner knows how many rows have it.
            conditions.append(Condition(f"m.mail = '{self.mail}'"))
        elif self.mail is not None:
            conditions.append(Condition("m.mail = ?", (self.mail,)))
        if self.subject_id is not None:
            conditions.append(Condition("m.subject_id = ?", (self.subject_id,)))
        if self.recipient is not None:
            recipient = self.recipient.strip()
            by_address = "UPPER(m.address) = UPPER(?)"
            text = by_address if "@" in recipient else "m.recipient = ?"
            conditions.append(Condition(text, (recipient,)))
        return all_of(*conditions)


async def list_mails(
    viewer: Viewer, filter: MailFilter, request: PageRequest, *, count: bool
) -> Page[OutboxMail]:
    """A page of mails, newest first, for admins. Raises Unauthenticated, Forbidden."""
    viewer.must_be_admin()
    (page,) = await list_pages(_LISTING, [filter.condition()], _NEWEST, request, count=count)
    return page


async def by_ids(viewer: Viewer, ids: Collection[UUID]) -> dict[UUID, OutboxMail]:
    """The mails by their ids; for admins only."""
    if not ids or not viewer.is_admin:
        return {}
    return {mail.id: mail for mail in await _find(ids)}


async def failures_of(ids: Collection[UUID]) -> dict[UUID, list[MailAttempt]]:
    """The failed attempts of mails, oldest first, by the mail's id."""
    failures: dict[UUID, list[MailAttempt]] = {mail_id: [] for mail_id in ids}
    attempts = MailAttempt.filter(mail_id__in=list(ids), status__in=list(MailStatus))
    for attempt in await attempts.order_by("failed_at", "id"):
        failures[attempt.mail_id].append(attempt)
    return failures


async def retry(viewer: Viewer, *, id: UUID) -> OutboxMail:
    """Send a dead, expired or uncertain mail now, written from current data.

    Raises Unauthenticated, Forbidden, NotFound, Conflict (any other status, or too old).
    """
    async with transaction():
        mail = await _must_find(viewer, id)
        if not mail.recipient:
            raise Conflict("id", message="Who it was for is forgotten.")
        if not await mailers.retry(mail.id):
            raise Conflict(
                "id", message="Only a dead, expired or uncertain mail can be sent again."
            )
        await tracking_log.record(viewer, "mail.retried", mail=mail.mail, mail_id=str(mail.id))
        return await OutboxMail.get(id=mail.id)


async def cancel(viewer: Viewer, *, id: UUID) -> OutboxMail:
    """Cancel a mail that has not been sent.

    Raises Unauthenticated, Forbidden, NotFound, Conflict (being sent, or ended).
    """
    async with transaction():
        mail = await _must_find(viewer, id)
        if not await mailers.cancel(mail.id, because="an admin cancelled it"):
            raise Conflict("id", message="Only a mail that has not left can be cancelled.")
        await tracking_log.record(viewer, "mail.cancelled", mail=mail.mail, mail_id=str(mail.id))
        return await OutboxMail.get(id=mail.id)


async def _must_find(viewer: Viewer, id: UUID) -> OutboxMail:
    viewer.must_be_admin()
    mails = await _find([id])
    if not mails:
        raise NotFound("id", message="There is no such mail.")
    return mails[0]


async def _find(ids: Collection[UUID]) -> list[OutboxMail]:
    named = f"m.id IN ({sql.places(ids)})"
    statement = f"SELECT {_LISTING.columns} FROM {_LISTING.tables} WHERE {named} AND {_KNOWN}"
    return await sql.objects(OutboxMail, statement, *ids)
