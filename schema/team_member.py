"""Team members, with what everybody may know who sees an update of theirs."""

from collections.abc import Sequence
from datetime import datetime

import strawberry
from strawberry import Info

import models
from resolvers import team_members
from schema import ids
from schema.context import Context
from schema.fetch import presenter
from schema.node import Node
from schema.selection import Selection


@strawberry.type(
    description=(
        "Somebody of the marketplace's team, known from the first time they act here or from"
        " `upsertTeamMembers`. Seen by the team, and by whoever sees an update that they are"
        " assigned to or credited with."
    )
)
class TeamMember(Node):
    row: strawberry.Private[models.TeamMember]
    external_id: str = strawberry.field(description="The id that the marketplace gave them.")
    display_name: str = strawberry.field(
        description=(
            "Their name: what `upsertTeamMembers` or the token of their last act said last; never"
            " an address."
        )
    )
    active: bool = strawberry.field(
        description=(
            "Whether they can be assigned to updates, get mails and notices of the team, and act"
            " as its member."
        )
    )
    role: models.TeamRole = strawberry.field(
        description="What they are: decides which mails and notices they get, and no right."
    )

    @strawberry.field(
        description="Since when they are not active; null while they are, and for all but the team."
    )
    def deactivated_at(self, info: Info[Context, None]) -> datetime | None:
        return self.row.deactivated_at if info.context.viewer.is_team else None

    @classmethod
    def from_row(cls, row: models.TeamMember) -> "TeamMember":
        return cls(
            id=strawberry.ID(ids.encode("TeamMember", row.id)),
            row=row,
            external_id=row.external_id,
            display_name=row.display_name,
            active=row.is_active,
            role=row.team_role,
        )


@presenter("TeamMember", team_members.by_ids)
async def present_team_members(
    _context: Context, rows: Sequence[models.TeamMember], _selection: Selection
) -> list[TeamMember]:
    return [TeamMember.from_row(row) for row in rows]
