"""Mutations of mails, for admins."""

import strawberry

from resolvers import mail_deliveries, rights
from schema.mail_delivery import MailDeliveryPayload, MailInput
from schema.mutation_field import mutation


@strawberry.type(description="What admins do with mails.")
class MailMutation:
    retry_mail = mutation(
        "Send a dead, expired or uncertain mail now, as an admin. It says what is true now, or is"
        " skipped; its Message-ID stays, so that a server can tell a second copy.",
        input=MailInput,
        may=rights.may_administer,
        act=mail_deliveries.retry,
        payload=MailDeliveryPayload,
    )
    cancel_mail = mutation(
        "Stop a mail that has not left, as an admin.",
        input=MailInput,
        may=rights.may_administer,
        act=mail_deliveries.cancel,
        payload=MailDeliveryPayload,
    )
