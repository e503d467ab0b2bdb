"""A key for a machine that calls the API: its hash, its scopes and its vendor, if any."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.uuid7 import uuid7


class Scope(StrEnum):
    ORDERS_WRITE = "ORDERS_WRITE"
    # For shops that render on a server: a larger budget and no other right.
    READ = "READ"
    TEAM_WRITE = "TEAM_WRITE"


class ApiKey(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    name = fields.CharField(max_length=100, unique=True)
    digest = fields.CharField(max_length=64, unique=True)
    scopes = fields.CharField(max_length=200)
    # The vendor's id in the marketplace: a key may exist before the vendor's first order.
    vendor = fields.CharField(max_length=200, null=True)
    created_at: datetime = fields.DatetimeField()
    revoked_at: datetime | None = fields.DatetimeField(null=True)
    valid_until: datetime | None = fields.DatetimeField(null=True)
    # Written once a minute at most.
    last_used_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "api_key"

    @property
    def scope_names(self) -> frozenset[str]:
        return frozenset(self.scopes.split())
