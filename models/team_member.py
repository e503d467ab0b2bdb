"""A member of the marketplace's team, stored when they first act."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.folding import fold
from models.uuid7 import uuid7


class TeamRole(StrEnum):
    STAFF = "STAFF"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"


def folded_name(display_name: str, external_id: str) -> str:
    """What lists are sorted by and searched in; short enough for an index."""
    return fold(f"{display_name}\n{external_id}")[:400]


class TeamMember(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=uuid7)
    external_id = fields.CharField(max_length=200, unique=True)
    # Shown to customers: never an e-mail address.
    display_name = fields.CharField(max_length=200)
    # The name and, in a second line, the external id, as `folded_name` makes it: for lists.
    name_folded = fields.TextField(default="", db_default="")
    email = fields.CharField(max_length=320, null=True)
    locale = fields.CharField(max_length=35, null=True)
    # Who gets which mails and notifications. Rights come from the token alone.
    role = fields.CharField(
        max_length=16, default=TeamRole.STAFF.value, db_default=TeamRole.STAFF.value
    )
    # Null: active.
    deactivated_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField()

    class Meta:
        table = "team_member"

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    @property
    def team_role(self) -> TeamRole:
        """The role; STAFF for one that only a newer version knows."""
        return TeamRole(self.role) if self.role in set(TeamRole) else TeamRole.STAFF
