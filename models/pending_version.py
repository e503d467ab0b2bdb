"""An author's edit of a published review that waits for a decision.

The version before it stays public and counted. Only an APPROVED review has one, and only one.
"""

from datetime import datetime
from uuid import UUID

from tortoise import fields

from models.review import Review, ReviewContent
from models.uuid7 import uuid7


class PendingVersion(ReviewContent):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    review: fields.ForeignKeyRelation[Review] = fields.ForeignKeyField(
        "models.Review", related_name="pending", on_delete=fields.RESTRICT
    )
    review_id: UUID
    submitted_at: datetime = fields.DatetimeField()
    # The review's: what waits is listed by it.
    created_at: datetime = fields.DatetimeField()

    class Meta:
        table = "pending_version"
