"""The state of the circuit breaker for the relay: one row that all workers share.

An outage of the relay counts against this row, never against the mails that wait.
"""

from tortoise import fields
from tortoise.models import Model


class MailChannel(Model):
    name = fields.CharField(max_length=8, primary_key=True, default="smtp")
    # Failures in a row; 0 means that the relay works.
    failures: int = fields.IntField(default=0)
    # Milliseconds since 1970: no attempt before this.
    down_until: int = fields.BigIntField(default=0)
    last_error = fields.CharField(max_length=300, null=True)

    class Meta:
        table = "mail_channel"
