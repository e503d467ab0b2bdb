"""Mails and their state, for admins."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

import models
from models import MailStatus
from resolvers import mail_deliveries
from resolvers.keyset import PageRequest
from schema import ids
from schema.connection import connection, wants_total
from schema.context import Context
from schema.errors import ERRORS_DESCRIPTION, UserError
from schema.fetch import presenter
from schema.mutation_field import present_in_payload
from schema.node import Node
from schema.references import Of
from schema.selection import Selection


@strawberry.type(description="A try to hand over a mail that did not succeed.")
class MailFailure:
    at: datetime = strawberry.field(description="When it ended.")
    status: MailStatus = strawberry.field(
        description="What became of the mail: SCHEDULED for another try, DEAD or UNCERTAIN."
    )
    error: str | None = strawberry.field(description="What the relay said, with its code.")

    @classmethod
    def from_row(cls, row: models.MailAttempt) -> "MailFailure":
        error = _words(row.code, row.error)
        return cls(at=_moment(row.failed_at), status=MailStatus(row.status), error=error)


@strawberry.type(
    description=(
        "A mail that was promised, and what became of it. For admins. Names of people are"
        " forgotten 90 days after its end."
    )
)
class MailDelivery(Node):
    mail: str = strawberry.field(description="Which mail: `review.reminder`, `rating.promoter` …")
    recipient: str = strawberry.field(
        description=(
            "The address that it goes to, else the person's id in the marketplace; empty when"
            " forgotten."
        )
    )
    status: MailStatus = strawberry.field(description="How far it is.")
    due_at: datetime = strawberry.field(
        description="When it leaves or left, at the earliest: the next try, while it is scheduled."
    )
    sent_at: datetime | None = strawberry.field(
        description="When the relay took it; null when it did not."
    )
    attempts: int = strawberry.field(
        description="How often it was tried. An outage of the relay uses up no try."
    )
    last_error: str | None = strawberry.field(
        description="What the relay said last against it, with its code: `450 4.2.1 …`."
    )
    skipped_because: str | None = strawberry.field(
        description="Why it was not sent: its cause is gone, or nobody wants it; null otherwise."
    )

    failures: list[MailFailure] = strawberry.field(
        description="Every try that did not succeed, oldest first; forgotten after 90 days."
    )

    @classmethod
    def from_row(
        cls, row: models.OutboxMail, failures: Sequence[models.MailAttempt]
    ) -> "MailDelivery":
        is_sent, is_dead = row.status is MailStatus.SENT, row.status is MailStatus.DEAD
        return cls(
            id=strawberry.ID(ids.encode("MailDelivery", row.id)),
            mail=row.mail,
            recipient=row.address or row.recipient,
            status=row.status,
            due_at=_moment(row.due_at),
            sent_at=_moment(row.finished_at) if is_sent and row.finished_at else None,
            attempts=row.attempts,
            last_error=_error(row) or (row.reason if is_dead else None),
            skipped_because=None if is_dead else row.reason,
            failures=[MailFailure.from_row(failure) for failure in failures],
        )


@presenter("MailDelivery", mail_deliveries.by_ids)
async def present_mails(
    _context: Context, rows: Sequence[models.OutboxMail], selection: Selection
) -> list[MailDelivery]:
    failures: dict[UUID, list[models.MailAttempt]] = {}
    if "failures" in selection:
        failures = await mail_deliveries.failures_of([row.id for row in rows])
    return [MailDelivery.from_row(row, failures.get(row.id, [])) for row in rows]


@strawberry.input(description="Narrows the list of mails; everything given must hold.")
class MailFilter:
    status: MailStatus | None = strawberry.field(default=None, description="In this state.")
    mail: str | None = strawberry.field(
        default=None, description="Of this kind, such as `review.reminder`."
    )
    recipient: str | None = strawberry.field(
        default=None, description="To this address, or to the person with this id."
    )
    subject: strawberry.ID | None = strawberry.field(
        default=None, description="About this order, review or update."
    )


MailFilterArgument = Annotated[
    MailFilter | None, strawberry.argument(description="Narrows the list.")
]


@strawberry.input(description="Which mail.")
class MailInput:
    id: Annotated[strawberry.ID, Of("MailDelivery")] = strawberry.field(
        description="The id of a MailDelivery."
    )


@strawberry.type(description="The mail after the change.")
class MailDeliveryPayload:
    mail_delivery: MailDelivery | None = strawberry.field(
        default=None, description="The mail as it is now; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, info: Info[Context, None], row: models.OutboxMail) -> "MailDeliveryPayload":
        return cls(mail_delivery=await present_in_payload(info, "MailDelivery", row))


async def mail_page(
    context: Context, given: MailFilter | None, request: PageRequest, selection: Selection
) -> Any:
    """A connection of mails, newest first."""
    page = await mail_deliveries.list_mails(
        context.viewer, _as_filter(given), request, count=wants_total(selection)
    )
    return connection(page, await present_mails(context, page.rows, selection.items_of_page()))


def _as_filter(given: MailFilter | None) -> mail_deliveries.MailFilter:
    if given is None:
        return mail_deliveries.MailFilter()
    return mail_deliveries.MailFilter(
        status=given.status,
        mail=_printable(given.mail),
        recipient=_printable(given.recipient),
        subject_id=ids.decode(given.subject, "filter", "subject")[1] if given.subject else None,
    )


def _printable(text: str | None) -> str | None:
    """The text, or "" (which no mail has) if it contains NUL, which PostgreSQL rejects."""
    return text if text is None or "\x00" not in text else ""


def _error(row: models.OutboxMail) -> str | None:
    """The relay's last error; a code without a text may be that of the acceptance."""
    return _words(row.last_code, row.last_error) if row.last_error else None


def _words(code: int | None, error: str | None) -> str | None:
    return " ".join(str(part) for part in (code, error) if part) or None


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
