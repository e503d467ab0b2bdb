"""A thread about one order: a question, a problem or news."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.order import Order
from models.team_member import TeamMember
from models.uuid7 import uuid7


class OrderUpdateStatus(StrEnum):
    OPEN = "OPEN"
    SOLVED = "SOLVED"
    # Rated: permanently read-only for everybody.
    CLOSED = "CLOSED"


class OrderUpdate(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    order: fields.ForeignKeyRelation[Order] = fields.ForeignKeyField(
        "models.Order", related_name="updates", on_delete=fields.RESTRICT
    )
    order_id: UUID
    # Copies of the order's, so that an index holds a person's list in its order.
    customer_id: UUID | None = fields.UUIDField(null=True)
    vendor_id: UUID | None = fields.UUIDField(null=True)
    title = fields.CharField(max_length=200)
    status = fields.CharEnumField(OrderUpdateStatus, max_length=8)
    # Fixed when it is opened: an internal update never becomes visible.
    customer_visible = fields.BooleanField()
    assignee: fields.ForeignKeyNullableRelation[TeamMember] = fields.ForeignKeyField(
        "models.TeamMember", related_name="assigned_updates", null=True, on_delete=fields.RESTRICT
    )
    assignee_id: UUID | None
    # How often it was solved; also the number of its latest solve.
    solves: int = fields.SmallIntField(default=0)
    created_at: datetime = fields.DatetimeField()
    solved_at: datetime | None = fields.DatetimeField(null=True)
    closed_at: datetime | None = fields.DatetimeField(null=True)
    # Two clocks: an internal note must not move the update in a customer's list.
    team_activity_at: datetime = fields.DatetimeField()
    customer_activity_at: datetime = fields.DatetimeField()

    # Fetched with the row.
    customer_external_id: str

    class Meta:
        table = "order_update"
        constraints = (
            CheckConstraint(
                check="(status = 'OPEN') = (solved_at IS NULL)", name="ck_order_update_solved"
            ),
            CheckConstraint(
                check="(status = 'CLOSED') = (closed_at IS NOT NULL)", name="ck_order_update_closed"
            ),
        )

    @property
    def is_open(self) -> bool:
        return self.status is OrderUpdateStatus.OPEN

    @property
    def is_solved(self) -> bool:
        return self.status is OrderUpdateStatus.SOLVED

    @property
    def is_closed(self) -> bool:
        return self.status is OrderUpdateStatus.CLOSED
