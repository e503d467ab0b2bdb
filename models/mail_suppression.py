"""A mailbox that does not exist, by a server's own word: nothing is sent there again."""

from tortoise import fields
from tortoise.models import Model


class MailSuppression(Model):
    # Keyed digest of the address, so that it outlives the erasure of the person.
    recipient_hash = fields.CharField(max_length=32, primary_key=True)
    reason = fields.CharField(max_length=200, null=True)
    # Milliseconds since 1970.
    suppressed_at: int = fields.BigIntField()

    class Meta:
        table = "mail_suppression"
