"""A failed attempt to send a mail: what the relay answered, and when."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.uuid7 import uuid7


class MailAttempt(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    mail_id: UUID = fields.UUIDField()
    # Milliseconds since 1970.
    failed_at: int = fields.BigIntField()
    # The mail's status after it: SCHEDULED for another attempt, DEAD or UNCERTAIN.
    status = fields.CharField(max_length=16)
    code: int | None = fields.IntField(null=True)
    error = fields.CharField(max_length=300, null=True)

    class Meta:
        table = "mail_attempt"
