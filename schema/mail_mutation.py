"""What admins do with mails."""

from typing import Annotated

import strawberry
from strawberry import Info

from models import OutboxMail
from resolvers import mail_deliveries, rights
from schema.context import Context
from schema.fetch import present
from schema.mail_delivery import MailDeliveryPayload, MailInput
from schema.mutation_field import Input, mutation
from schema.selection import selected


async def _payload(info: Info[Context, None], row: OutboxMail) -> MailDeliveryPayload:
    below = selected(info).below("mailDelivery")
    [shown] = await present(info.context, "MailDelivery", [row], below)
    return MailDeliveryPayload(mail_delivery=shown)


@strawberry.type(description="What admins do with mails.")
class MailMutation:
    @mutation(
        MailDeliveryPayload,
        rights.may_moderate,
        "Send a dead, expired or uncertain mail now, as an admin. It says what is true now, or is"
        " skipped; its Message-ID stays, so that a server can tell a second copy.",
    )
    async def retry_mail(
        self, info: Info[Context, None], input: Annotated[MailInput, Input]
    ) -> MailDeliveryPayload:
        row = await mail_deliveries.retry(info.context.viewer, mail_id=input.key)
        return await _payload(info, row)

    @mutation(
        MailDeliveryPayload, rights.may_moderate, "Stop a mail that has not left, as an admin."
    )
    async def cancel_mail(
        self, info: Info[Context, None], input: Annotated[MailInput, Input]
    ) -> MailDeliveryPayload:
        row = await mail_deliveries.cancel(info.context.viewer, mail_id=input.key)
        return await _payload(info, row)
