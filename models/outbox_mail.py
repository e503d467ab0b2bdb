"""A promised mail: its kind, recipient, subject and due time. Rendered only when it is sent.

Times are milliseconds since 1970 in UTC, so that both databases compare them alike.
"""

from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.notification import Audience
from models.uuid7 import uuid7


class MailStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    SENDING = "SENDING"
    SENT = "SENT"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    DEAD = "DEAD"
    UNCERTAIN = "UNCERTAIN"


class OutboxMail(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    mail = fields.CharField(max_length=40)
    # Unique permanently: promising the same mail again has no effect, even after it was sent.
    dedupe_key = fields.CharField(max_length=200, unique=True)
    audience = fields.CharEnumField(Audience, max_length=16)
    recipient = fields.CharField(max_length=200)
    address = fields.CharField(max_length=320, null=True)
    subject_type = fields.CharField(max_length=20)
    subject_id: UUID = fields.UUIDField()
    params: dict[str, Any] = fields.JSONField(default=dict)
    status = fields.CharEnumField(MailStatus, max_length=16, default=MailStatus.SCHEDULED)
    reason = fields.CharField(max_length=200, null=True)
    due_at: int = fields.BigIntField()
    expires_at: int | None = fields.BigIntField(null=True)
    attempts: int = fields.SmallIntField(default=0)
    # How often a server gave no response after the whole mail was sent to it.
    ambiguous: int = fields.SmallIntField(default=0)
    # Set just before DATA: from then on a lost connection leaves the mail's fate unknown.
    in_data = fields.BooleanField(default=False)
    lease_token = fields.CharField(max_length=32, null=True)
    lease_until: int | None = fields.BigIntField(null=True)
    dated_at: int | None = fields.BigIntField(null=True)
    last_code: int | None = fields.IntField(null=True)
    last_error = fields.CharField(max_length=300, null=True)
    created_at: int = fields.BigIntField()
    finished_at: int | None = fields.BigIntField(null=True)

    class Meta:
        table = "outbox_mail"
        constraints = (
            CheckConstraint(
                check="(status = 'SENDING') = (lease_token IS NOT NULL)",
                name="ck_outbox_mail_lease",
            ),
        )
