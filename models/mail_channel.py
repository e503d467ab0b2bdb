"""Whether mail can leave at all: one row that all workers share.

An outage of the relay is a fact about the channel, never about the mails that wait for it.
"""

from tortoise import fields
from tortoise.models import Model


class MailChannel(Model):
    name = fields.CharField(max_length=8, primary_key=True, default="smtp")
    # Troubles in a row; 0 is a working channel.
    failures: int = fields.IntField(default=0)
    # Milliseconds since 1970: nobody tries before.
    down_until: int = fields.BigIntField(default=0)
    last_error = fields.CharField(max_length=300, null=True)

    class Meta:
        table = "mail_channel"
