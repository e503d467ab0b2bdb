"""Up to when somebody has read an inbox that held too many notifications to mark one by one."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.notification import Audience
from models.uuid7 import uuid7


class InboxMark(Model):
    """Notifications of the inbox that fell due until `read_until` were read at `marked_at`.

    Unless the notification says when it was read itself. Of several marks the first one counts.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    audience = fields.CharEnumField(Audience, max_length=16)
    recipient = fields.CharField(max_length=200)
    read_until: datetime = fields.DatetimeField()
    marked_at: datetime = fields.DatetimeField()

    class Meta:
        table = "inbox_mark"
