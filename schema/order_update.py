"""Order updates, as far as the viewer may see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

import models
from models.order_update import OrderUpdateStatus
from resolvers import orders, team_members, update_lookup
from resolvers.update_actions import UpdateActions, actions
from resolvers.update_list import last_activity
from schema import ids
from schema.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
    wants_total,
)
from schema.context import Context
from schema.fetch import present, present_by_id, presenter
from schema.node import Node
from schema.selection import Selection, selected
from schema.team_member import TeamMember
from schema.update_note import Note, fetch_notes

if TYPE_CHECKING:
    from schema.order import Order


@strawberry.type(description="The customer's final word on a solved update.")
class UpdateRating:
    stars: int = strawberry.field(
        description="Whole stars, 1 to 5. 4 and 5 make a promoter, fewer a detractor."
    )
    comment: str | None = strawberry.field(
        description="Plain text, as the customer typed it; null without one."
    )
    rated_at: datetime = strawberry.field(description="When it was given.")
    credited_to: TeamMember | None = strawberry.field(
        description=(
            "Whose work was rated: the assignee at the moment of solving, else who solved it."
            " Later changes of the assignee move nothing."
        )
    )

    @classmethod
    def from_row(
        cls, row: models.UpdateSolve, members: dict[UUID, models.TeamMember]
    ) -> "UpdateRating | None":
        if row.stars is None or row.rated_at is None:
            return None
        member = members.get(row.credited_to_id)
        return cls(
            stars=row.stars,
            comment=row.comment,
            rated_at=row.rated_at,
            credited_to=TeamMember.from_row(member) if member else None,
        )


@strawberry.type(
    description=(
        "What a front end should show you now: the reply box, the rating widget, the escape hatch,"
        " the buttons of the team. The same rule decides the mutations."
    )
)
class OrderUpdateActions:
    reply: bool = strawberry.field(
        description="The reply box: `postNote`. A customer's hides when the update is solved."
    )
    rate: bool = strawberry.field(
        description="The rating widget: `rateUpdate`. For the customer of a solved update."
    )
    report_still_has_issue: bool = strawberry.field(
        description="The way back to open without the team: `reportStillHasIssue`. Until rated."
    )
    solve: bool = strawberry.field(description="`solveUpdate`. For the team, while open.")
    reopen: bool = strawberry.field(
        description="`reopenUpdate`. For the team, while solved; gone once rated."
    )

    @classmethod
    def of(cls, can: UpdateActions) -> "OrderUpdateActions":
        return cls(**vars(can))


@strawberry.type(
    description=(
        "A small thread on an order: a question, a problem, a piece of news. For the team, and the"
        " customer-visible ones for the order's customer and (`Settings.vendorsSeeUpdates`) vendor."
    )
)
class OrderUpdate(Node):
    key: strawberry.Private[UUID]
    title: str = strawberry.field(description="What it is about, on one line; plain text.")
    status: OrderUpdateStatus = strawberry.field(description="How far it is.")
    customer_visible: bool = strawberry.field(
        description="Whether the customer sees it; always true for all but the team."
    )
    order: Annotated["Order", strawberry.lazy("schema.order")] = strawberry.field(
        description="The order it belongs to."
    )
    assignee: TeamMember | None = strawberry.field(
        description="Who looks after it now; null when nobody does."
    )
    created_at: datetime = strawberry.field(description="When it was opened.")
    solved_at: datetime | None = strawberry.field(
        description="When it was solved, the last time; null while it is open."
    )
    closed_at: datetime | None = strawberry.field(
        description="When it was rated and so closed for good; null before."
    )
    last_activity_at: datetime = strawberry.field(
        description="When something happened to it that you can see. LATEST_ACTIVITY orders by it."
    )
    rating: UpdateRating | None = strawberry.field(
        description="Its rating; null before, and for good when it is internal."
    )
    viewer_can: OrderUpdateActions = strawberry.field(
        description="What you can do with it at this moment."
    )

    @strawberry.field(description="What was written under it, oldest first, as far as you see it.")
    async def notes(
        self,
        info: Info[Context, None],
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Note]:
        selection = selected(info)
        request = page_request(first, after, last, before)
        page = await info.context.page(fetch_notes, self.key, request, wants_total(selection))
        nodes = await present(info.context, "Note", page.rows, selection.items_of_page())
        return connection(page, nodes)

    @classmethod
    def from_row(cls, row: models.OrderUpdate, **related: Any) -> "OrderUpdate":
        """`related` has only the selected fields."""
        return cls(
            id=strawberry.ID(ids.encode("OrderUpdate", row.id)),
            key=row.id,
            title=row.title,
            status=row.status,
            customer_visible=row.customer_visible,
            order=related.get("order"),  # type: ignore[arg-type]
            assignee=related.get("assignee"),
            created_at=row.created_at,
            solved_at=row.solved_at,
            closed_at=row.closed_at,
            last_activity_at=related["last_activity_at"],
            rating=related.get("rating"),
            viewer_can=related.get("viewer_can"),  # type: ignore[arg-type]
        )


@presenter("OrderUpdate", update_lookup.by_ids)
async def present_updates(
    context: Context, rows: Sequence[models.OrderUpdate], selection: Selection
) -> list[OrderUpdate]:
    """Updates with everything selected below them, in a constant number of statements."""
    orders_by_id = await _orders(context, rows, selection)
    solves = {}
    if "rating" in selection:
        solves = await update_lookup.ratings_of([row.id for row in rows])
    member_ids = {row.assignee_id for row in rows if "assignee" in selection and row.assignee_id}
    if "creditedTo" in selection.below("rating"):
        member_ids |= {solve.credited_to_id for solve in solves.values()}
    members = await team_members.by_ids(context.viewer, member_ids)
    settings = await context.settings() if "viewerCan" in selection else None
    activity_column = last_activity(context.viewer)
    updates = []
    for row in rows:
        assignee = members.get(row.assignee_id) if row.assignee_id else None
        solve = solves.get(row.id)
        can = actions(context.viewer, row, settings) if settings else None
        updates.append(
            OrderUpdate.from_row(
                row,
                order=orders_by_id.get(row.order_id),
                assignee=TeamMember.from_row(assignee) if assignee else None,
                rating=UpdateRating.from_row(solve, members) if solve else None,
                viewer_can=OrderUpdateActions.of(can) if can else None,
                last_activity_at=getattr(row, activity_column),
            )
        )
    return updates


async def _orders(
    context: Context, rows: Sequence[models.OrderUpdate], selection: Selection
) -> dict[UUID, Any]:
    if not rows or "order" not in selection:
        return {}
    rows_by_id = await orders.of_updates(rows)
    return await present_by_id(context, "Order", rows_by_id.values(), selection["order"])
