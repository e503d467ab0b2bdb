"""A member of the marketplace's team, stored when they first act."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.uuid7 import uuid7


class TeamMember(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    external_id = fields.CharField(max_length=200, unique=True)
    # Shown to customers: never an e-mail address.
    display_name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=320, null=True)
    locale = fields.CharField(max_length=35, null=True)
    created_at: datetime = fields.DatetimeField()

    class Meta:
        table = "team_member"
