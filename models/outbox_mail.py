"""A promised mail: what, to whom, about what, and when. Rendered only when it leaves.

Times are milliseconds since 1970 in UTC: the worker compares them on both databases.
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
    # Unique for ever: promising the same mail again, even after it was sent, promises nothing.
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
    # How often a server fell silent after the whole mail was handed over.
    ambiguous: int = fields.SmallIntField(default=0)
    # Written just before DATA: from then on nobody can know whether the mail left.
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
