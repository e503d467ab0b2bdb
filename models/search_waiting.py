"""Reviews whose text was written, changed or deleted, for the index of texts."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model


class SearchWaiting(Model):
    """One row for each change, written by the triggers of `models.triggers`.

    Searches read these reviews' texts themselves.
    """

    number: int = fields.BigIntField(primary_key=True)
    review_id: UUID = fields.UUIDField()

    class Meta:
        table = "search_waiting"
