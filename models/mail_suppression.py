"""An address that gets no more mail, since a server answered that it does not exist."""

from tortoise import fields
from tortoise.models import Model


class MailSuppression(Model):
    # A keyed digest of the address, which may be kept when the person's data are erased.
    recipient_hash = fields.CharField(max_length=32, primary_key=True)
    reason = fields.CharField(max_length=200, null=True)
    # Milliseconds since 1970.
    suppressed_at: int = fields.BigIntField()

    class Meta:
        table = "mail_suppression"
