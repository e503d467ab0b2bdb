"""Somebody who bought a service: the customer of an order and the author of its review."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.person_name import public_name
from models.uuid7 import uuid7


class Customer(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    external_id = fields.CharField(max_length=200, unique=True)
    display_name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=320, null=True)
    locale = fields.CharField(max_length=35, null=True)
    # The vendor whose own key sent the address; null when the marketplace did.
    email_from: UUID | None = fields.UUIDField(null=True)
    # The time of these facts, and whether a key that is bound to a vendor sent them.
    told_at: datetime | None = fields.DatetimeField(null=True)
    told_by_partner = fields.BooleanField(default=False, db_default=False)
    created_at: datetime = fields.DatetimeField()

    class Meta:
        table = "customer"

    @property
    def public_name(self) -> str:
        return public_name(self.display_name)
