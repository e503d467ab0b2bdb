"""The parts of the index of texts, each of consecutive numbers."""

from datetime import datetime
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class ChunkState(StrEnum):
    BUILDING = "BUILDING"
    READY = "READY"
    # Its grams are in another chunk, or in none, and are going to be deleted.
    REPLACED = "REPLACED"


class SearchChunk(Model):
    number: int = fields.BigIntField(primary_key=True)
    # The numbers from `first_number` on, `size` of them.
    first_number: int = fields.BigIntField()
    size: int = fields.IntField()
    state = fields.CharEnumField(ChunkState, max_length=16)
    # Numbers whose review was changed or deleted since: their grams still are in this chunk.
    gone: int = fields.IntField(default=0)
    created_at: datetime = fields.DatetimeField()

    class Meta:
        table = "search_chunk"
