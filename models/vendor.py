"""Somebody who sells services on the marketplace, and may reply to their reviews."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.rating_tally import Tally
from models.uuid7 import uuid7

# What everybody may read of a vendor.
VENDOR_PUBLIC = ("external_id", "display_name")


class Vendor(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    external_id = fields.CharField(max_length=200, unique=True)
    display_name = fields.CharField(max_length=200)
    email = fields.CharField(max_length=320, null=True)
    locale = fields.CharField(max_length=35, null=True)
    # The time of these facts, and whether a key that is bound to the vendor sent them.
    told_at: datetime | None = fields.DatetimeField(null=True)
    told_by_partner = fields.BooleanField(default=False, db_default=False)
    created_at: datetime = fields.DatetimeField()

    # Fetched with the row: the counts of its approved reviews.
    tally: Tally

    class Meta:
        table = "vendor"
