"""One message under an order update."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.order_update import OrderUpdate
from models.team_member import TeamMember
from models.uuid7 import uuid7


class UpdateNote(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    update: fields.ForeignKeyRelation[OrderUpdate] = fields.ForeignKeyField(
        "models.OrderUpdate", related_name="notes", on_delete=fields.RESTRICT
    )
    update_id: UUID
    # None if the author is the order's customer.
    author: fields.ForeignKeyNullableRelation[TeamMember] = fields.ForeignKeyField(
        "models.TeamMember", related_name="notes", null=True, on_delete=fields.RESTRICT
    )
    author_id: UUID | None
    body: str = fields.TextField()
    # For the team alone.
    internal = fields.BooleanField()
    created_at: datetime = fields.DatetimeField()

    # Fetched with the row: the author, if of the team, and the order's customer.
    author_name: str | None
    customer_name: str

    class Meta:
        table = "update_note"

    @property
    def is_from_customer(self) -> bool:
        return self.author_id is None
