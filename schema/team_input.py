"""Input and payload of `upsertTeamMembers`, and the list of the team."""

from typing import Annotated, Any

import strawberry
from strawberry import UNSET, Info

from models import TeamRole
from resolvers import team_feed, team_members
from resolvers.keyset import PageRequest
from resolvers.order_facts import KEEP
from resolvers.team_feed import MAX_MEMBERS, MAX_NAME, MemberFacts
from resolvers.text_search import MAX_SEARCH
from schema.connection import Connection, connection, wants_total
from schema.context import Context
from schema.errors import UserError
from schema.plain_input import read_plainly
from schema.selection import Selection
from schema.team_member import TeamMember, present_team_members


@strawberry.input(description="A member of the team. What is left out stays as it is.")
class TeamMemberInput:
    external_id: str = strawberry.field(
        description="The `sub` of their tokens: the id that the marketplace gave them."
    )
    display_name: str | None = strawberry.field(
        default=None,
        description=(
            f"1 to {MAX_NAME} characters, shown to customers: no e-mail address. A new member"
            " without one is called by the id."
        ),
    )
    email: str | None = strawberry.field(
        default=UNSET, description="Where mails go; null forgets it, left out keeps it."
    )
    role: TeamRole | None = strawberry.field(
        default=None,
        description=(
            "Decides which mails and notices they get; a new member is STAFF. Rights come from"
            " tokens: the role of the last token with which they acted replaces it. Only an admin"
            " makes an admin, or takes the role away."
        ),
    )
    active: bool | None = strawberry.field(
        default=None,
        description=(
            "false: at once unassigned from open updates, without further mails and notices, and"
            " refused within a second, open streams included, as STAFF, MODERATOR or ADMIN; what"
            " they did stays. true brings them back. A new member is active. The last active admin"
            " who is known cannot be deactivated: a CONFLICT."
        ),
    )

    def facts(self) -> MemberFacts:
        email = KEEP if self.email is UNSET else self.email
        return MemberFacts(self.external_id, self.display_name, email, self.role, self.active)


@read_plainly
@strawberry.input(description="Members, in the order in which they are to be applied.")
class UpsertTeamMembersInput:
    members: list[TeamMemberInput] = strawberry.field(description=f"{MAX_MEMBERS} at most.")

    def given(self) -> dict[str, Any]:
        return {"rows": [member.facts() for member in self.members]}


@strawberry.type(description="What became of one member.")
class TeamMemberResult:
    external_id: str = strawberry.field(description="The id that was sent.")
    outcome: team_feed.MemberOutcome | None = strawberry.field(
        description="What the row did; null when it was refused."
    )
    team_member: TeamMember | None = strawberry.field(
        description="The member as they are after all rows; null when the row was refused."
    )
    errors: list[UserError] = strawberry.field(
        description="Why the row was refused; empty when it was applied."
    )

    @classmethod
    def of(cls, result: team_feed.MemberResult) -> "TeamMemberResult":
        return cls(
            external_id=result.external_id,
            outcome=result.outcome,
            team_member=TeamMember.from_row(result.member) if result.member else None,
            errors=[UserError.of(error) for error in result.errors],
        )


@strawberry.type(description="As many results as members, in their order.")
class UpsertTeamMembersPayload:
    results: list[TeamMemberResult] = strawberry.field(
        default_factory=list, description="One for each member."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why no row was looked at; empty when they were."
    )

    @classmethod
    async def of(
        cls, _info: Info[Context, None], results: list[team_feed.MemberResult]
    ) -> "UpsertTeamMembersPayload":
        return cls(results=[TeamMemberResult.of(each) for each in results])


@strawberry.input(description="Narrows the list of the team; everything given must hold.")
class TeamMemberFilter:
    active: bool | None = strawberry.field(
        default=None, description="Who is active, or who is not any more."
    )
    search: str | None = strawberry.field(
        default=None,
        description="Whose name or id holds these letters, case ignored;"
        f" {MAX_SEARCH} characters at most.",
    )


TeamMemberFilterArgument = Annotated[
    TeamMemberFilter | None, strawberry.argument(description="Narrows the list.")
]


async def member_page(
    context: Context, given: TeamMemberFilter | None, request: PageRequest, selection: Selection
) -> Connection[TeamMember]:
    """A connection of members, by name."""
    narrowed = team_members.TeamMemberFilter(*(given.active, given.search) if given else ())
    page = await team_members.list_members(
        context.viewer, narrowed, request, count=wants_total(selection)
    )
    nodes = await present_team_members(context, page.rows, selection.items_of_page())
    return connection(page, nodes)
