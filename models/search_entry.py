"""The numbers by which the index of texts knows reviews."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model


class SearchEntry(Model):
    number: int = fields.BigIntField(primary_key=True, generated=False)
    review_id: UUID = fields.UUIDField()

    class Meta:
        table = "search_entry"
