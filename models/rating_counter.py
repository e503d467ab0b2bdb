"""A service's or vendor's approved reviews, counted by stars. Averages are never stored.

`subject_id` is the id of a service or of a vendor: both are UUIDv7, so they never collide.
"""

from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.rating_tally import COUNTS


class RatingSubject(StrEnum):
    # Counters are locked in this order, which is also alphabetical.
    SERVICE = "SERVICE"
    VENDOR = "VENDOR"


class RatingCounter(Model):
    subject_id: UUID = fields.UUIDField(primary_key=True)
    kind = fields.CharEnumField(RatingSubject, max_length=8)
    n1: int = fields.IntField(default=0)
    n2: int = fields.IntField(default=0)
    n3: int = fields.IntField(default=0)
    n4: int = fields.IntField(default=0)
    n5: int = fields.IntField(default=0)
    communication_sum: int = fields.IntField(default=0)
    communication_count: int = fields.IntField(default=0)
    quality_sum: int = fields.IntField(default=0)
    quality_count: int = fields.IntField(default=0)
    value_sum: int = fields.IntField(default=0)
    value_count: int = fields.IntField(default=0)

    class Meta:
        table = "rating_counter"
        constraints = (
            CheckConstraint(
                check=" AND ".join(f"{name} >= 0" for name in COUNTS), name="ck_rating_counter"
            ),
        )
