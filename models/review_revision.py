"""An earlier version of a review, kept when an edit replaced it."""

from datetime import datetime
from uuid import UUID

from tortoise import fields

from models.review import EditedBy, Review, ReviewContent
from models.uuid7 import uuid7


class ReviewRevision(ReviewContent):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    review: fields.ForeignKeyRelation[Review] = fields.ForeignKeyField(
        "models.Review", related_name="revisions", on_delete=fields.RESTRICT
    )
    review_id: UUID
    replaced_at: datetime = fields.DatetimeField()
    # Who wrote the version that took its place.
    replaced_by = fields.CharEnumField(
        EditedBy, max_length=16, default=EditedBy.AUTHOR, db_default="AUTHOR"
    )

    class Meta:
        table = "review_revision"
