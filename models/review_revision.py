"""An earlier version of a review, kept when an edit replaced it."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.review import Review
from models.uuid7 import uuid7


class ReviewRevision(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    review: fields.ForeignKeyRelation[Review] = fields.ForeignKeyField(
        "models.Review", related_name="revisions", on_delete=fields.RESTRICT
    )
    review_id: UUID
    rating: int = fields.SmallIntField()
    communication: int | None = fields.SmallIntField(null=True)
    quality: int | None = fields.SmallIntField(null=True)
    value: int | None = fields.SmallIntField(null=True)
    body: str = fields.TextField()
    replaced_at: datetime = fields.DatetimeField()

    class Meta:
        table = "review_revision"
