"""A service of one vendor, which customers buy and rate."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.rating_tally import Tally
from models.uuid7 import uuid7
from models.vendor import Vendor

# What everybody may read of a service.
SERVICE_PUBLIC = ("external_id", "title", "url")


class Service(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    external_id = fields.CharField(max_length=200, unique=True)
    vendor: fields.ForeignKeyRelation[Vendor] = fields.ForeignKeyField(
        "models.Vendor", related_name="services", on_delete=fields.RESTRICT
    )
    vendor_id: UUID
    title = fields.CharField(max_length=300)
    # For sorting and searching lists: case-folded here so that both databases agree.
    title_folded = fields.CharField(max_length=900)
    url = fields.CharField(max_length=2000, null=True)
    # The time of these facts, and whether a key that is bound to the vendor sent them.
    told_at: datetime | None = fields.DatetimeField(null=True)
    told_by_partner = fields.BooleanField(default=False, db_default=False)
    created_at: datetime = fields.DatetimeField()

    # Fetched with the row: the counts of its approved reviews.
    tally: Tally

    class Meta:
        table = "service"
