"""One solve of an order update: who is credited with it, and its rating, if any."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from models.order_update import OrderUpdate
from models.team_member import TeamMember
from models.uuid7 import uuid7

PROMOTER_FROM = 4


class UpdateSolve(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    update: fields.ForeignKeyRelation[OrderUpdate] = fields.ForeignKeyField(
        "models.OrderUpdate", related_name="solved", on_delete=fields.RESTRICT
    )
    update_id: UUID
    # Counts the solves of one update, from 1. Links in mails carry it.
    number: int = fields.SmallIntField()
    solved_by: fields.ForeignKeyRelation[TeamMember] = fields.ForeignKeyField(
        "models.TeamMember", related_name="solves", on_delete=fields.RESTRICT
    )
    solved_by_id: UUID
    # The assignee at that moment, else the member who solved it. Later changes do not affect it.
    credited_to: fields.ForeignKeyRelation[TeamMember] = fields.ForeignKeyField(
        "models.TeamMember", related_name="credits", on_delete=fields.RESTRICT
    )
    credited_to_id: UUID
    # Whether the customer could see, and so rate, the update.
    customer_visible = fields.BooleanField()
    notified = fields.BooleanField()
    solved_at: datetime = fields.DatetimeField()
    stars: int | None = fields.SmallIntField(null=True)
    comment: str | None = fields.TextField(null=True)
    rated_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "update_solve"
        constraints = (
            CheckConstraint(check="stars BETWEEN 1 AND 5", name="ck_update_solve_stars"),
            CheckConstraint(
                check="(stars IS NULL) = (rated_at IS NULL)", name="ck_update_solve_rated"
            ),
            CheckConstraint(
                check="comment IS NULL OR stars IS NOT NULL", name="ck_update_solve_comment"
            ),
            CheckConstraint(
                check="stars IS NULL OR customer_visible", name="ck_update_solve_visible"
            ),
        )
