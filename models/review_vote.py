"""One person's vote that a review was helpful."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.review import Review
from models.uuid7 import uuid7


class ReviewVote(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    review: fields.ForeignKeyRelation[Review] = fields.ForeignKeyField(
        "models.Review", related_name="votes", on_delete=fields.RESTRICT
    )
    review_id: UUID
    # The voter's id in the marketplace: a voter need not have bought anything.
    person = fields.CharField(max_length=200)
    created_at: datetime = fields.DatetimeField()

    class Meta:
        table = "review_vote"
