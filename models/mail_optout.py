"""An opt-out: no more mails of one category to one address."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.uuid7 import uuid7


class MailOptout(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    recipient_hash = fields.CharField(max_length=32)
    category = fields.CharField(max_length=20)
    # Milliseconds since 1970.
    opted_out_at: int = fields.BigIntField()

    class Meta:
        table = "mail_optout"
