"""What is sold and rated: a service of one vendor."""

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
    # As lists sort and search it: case-folded once, so that both databases agree.
    title_folded = fields.CharField(max_length=900)
    url = fields.CharField(max_length=2000, null=True)
    # Of when these facts are, and whether a key that is bound to the vendor told them.
    told_at: datetime | None = fields.DatetimeField(null=True)
    told_by_partner = fields.BooleanField(default=False, db_default=False)
    created_at: datetime = fields.DatetimeField()

    # Fetched with the row: the counts of its approved reviews.
    tally: Tally

    class Meta:
        table = "service"
