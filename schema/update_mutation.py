"""What can be done with order updates."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from resolvers import order_updates, update_notes, update_ratings, update_solves
from schema import ids
from schema.context import Context
from schema.mutation_field import Input, mutation
from schema.node import maybe_ref
from schema.order_update import present_updates
from schema.selection import selected
from schema.update_input import (
    AssignUpdateInput,
    OpenUpdateInput,
    OrderUpdatePayload,
    PostNoteInput,
    RateUpdateInput,
    ReopenUpdateInput,
    SolveUpdateInput,
    StillHasIssueInput,
)


@strawberry.type(description="What can be done with order updates.")
class UpdateMutation:
    @mutation(
        OrderUpdatePayload,
        "Open an update of an order, as the team or as the order's customer.",
    )
    async def open_update(
        self, info: Info[Context, None], input: Annotated[OpenUpdateInput, Input]
    ) -> OrderUpdatePayload:
        row = await order_updates.open_update(
            info.context.viewer,
            order=input.order.as_ref("Order", "order"),
            title=input.title,
            message=input.message,
            customer_visible=input.customer_visible,
            assignee=maybe_ref(input.assignee, "TeamMember", "assignee"),
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        "Write under an update, as the team or as the customer; the other side gets a mail. The"
        " customer while it is open, the team until it is rated.",
    )
    async def post_note(
        self, info: Info[Context, None], input: Annotated[PostNoteInput, Input]
    ) -> OrderUpdatePayload:
        row = await update_notes.post_note(
            info.context.viewer,
            update_id=_key(input.update_id),
            body=input.body,
            internal=input.internal,
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        "Say who of the team looks after an update, as the team, until it is rated. Solves keep"
        " their credit.",
    )
    async def assign_update(
        self, info: Info[Context, None], input: Annotated[AssignUpdateInput, Input]
    ) -> OrderUpdatePayload:
        row = await order_updates.assign_update(
            info.context.viewer,
            update_id=_key(input.update_id),
            assignee=maybe_ref(input.assignee, "TeamMember", "assignee"),
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        "Solve an open update, as the team. The assignee, else you, is credited with it; the"
        " customer can then rate it or say that there is still an issue.",
    )
    async def solve_update(
        self, info: Info[Context, None], input: Annotated[SolveUpdateInput, Input]
    ) -> OrderUpdatePayload:
        row = await update_solves.solve_update(
            info.context.viewer,
            update_id=_key(input.update_id),
            notify_customer=input.notify_customer,
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        "Open a solved update again, as the team, until it is rated.",
    )
    async def reopen_update(
        self, info: Info[Context, None], input: Annotated[ReopenUpdateInput, Input]
    ) -> OrderUpdatePayload:
        row = await update_solves.reopen_update(
            info.context.viewer, update_id=_key(input.update_id), note=input.note
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        "Open a solved update again, as its customer, without the team, until it is rated.",
    )
    async def report_still_has_issue(
        self, info: Info[Context, None], input: Annotated[StillHasIssueInput, Input]
    ) -> OrderUpdatePayload:
        row = await update_solves.report_still_has_issue(
            info.context.viewer, update_id=_key(input.update_id), note=input.note
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        "Rate a solved update, as its customer, once. Final: it is closed for everybody, for good,"
        " and a new problem is a new update. By the link of an older solve: CONFLICT, superseded.",
    )
    async def rate_update(
        self, info: Info[Context, None], input: Annotated[RateUpdateInput, Input]
    ) -> OrderUpdatePayload:
        row = await update_ratings.rate_update(
            info.context.viewer,
            update_id=_key(input.update_id),
            stars=input.stars,
            comment=input.comment,
        )
        return await _updated(info, row)


def _key(update_id: str) -> UUID:
    return ids.key_of("OrderUpdate", update_id, "updateId")


async def _updated(info: Info[Context, None], row: Any) -> OrderUpdatePayload:
    shown = await present_updates(info.context, [row], selected(info).below("orderUpdate"))
    return OrderUpdatePayload(order_update=shown[0])
