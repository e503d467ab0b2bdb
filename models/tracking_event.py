"""A line of the tracking log: who did what to which order or update, and when. Append-only."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.uuid7 import uuid7


class TrackingEvent(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    at: datetime = fields.DatetimeField()
    kind = fields.CharField(max_length=40)
    actor_role = fields.CharField(max_length=16)
    actor = fields.CharField(max_length=200, null=True)
    subject_type = fields.CharField(max_length=20)
    subject_id: UUID | None = fields.UUIDField(null=True)
    order_id: UUID | None = fields.UUIDField(null=True)
    details: dict[str, Any] = fields.JSONField(default=dict)

    class Meta:
        table = "tracking_event"
