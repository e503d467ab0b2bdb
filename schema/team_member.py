"""Team members, with what everybody may know who sees an update of theirs."""

from collections.abc import Sequence

import strawberry

import models
from resolvers import team_members
from schema import ids
from schema.context import Context
from schema.fetch import presenter
from schema.node import Node
from schema.selection import Selection


@strawberry.type(
    description=(
        "Somebody of the marketplace's team, known from the first time they act here. Seen by the"
        " team, and by whoever sees an update that they are assigned to or credited with."
    )
)
class TeamMember(Node):
    external_id: str = strawberry.field(description="The id that the marketplace gave them.")
    display_name: str = strawberry.field(
        description="The name in their token, as it was when they last acted; never an address."
    )

    @classmethod
    def from_row(cls, row: models.TeamMember) -> "TeamMember":
        return cls(
            id=strawberry.ID(ids.encode("TeamMember", row.id)),
            external_id=row.external_id,
            display_name=row.display_name,
        )


@presenter("TeamMember", team_members.by_ids)
async def present_team_members(
    _context: Context, rows: Sequence[models.TeamMember], _selection: Selection
) -> list[TeamMember]:
    return [TeamMember.from_row(row) for row in rows]
