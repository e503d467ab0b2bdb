"""A line in a person's inbox in the app, stored together with its cause."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.uuid7 import uuid7


class Audience(StrEnum):
    """Who gets a notification or mail. `recipient` is that person's id in the marketplace."""

    CUSTOMER = "CUSTOMER"
    VENDOR = "VENDOR"
    TEAM = "TEAM"
    ADMIN = "ADMIN"


class Notification(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    audience = fields.CharEnumField(Audience, max_length=16)
    recipient = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=40)
    # One per event and person, permanently: the dedupe key of the mail.
    event_key = fields.CharField(max_length=200, unique=True)
    subject_type = fields.CharField(max_length=20)
    subject_id: UUID = fields.UUIDField()
    created_at: datetime = fields.DatetimeField()
    read_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "notification"
