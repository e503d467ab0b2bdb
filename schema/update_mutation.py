"""What can be done with order updates."""

from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import Info

from resolvers import rights, update_notes, update_opening, update_ratings, update_solves
from resolvers.mistakes import told_at_once
from schema import ids
from schema.context import Context
from schema.fetch import present
from schema.mutation_field import Input, mutation
from schema.node import maybe_ref
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
        rights.may_open_updates,
        "Open an update of an order, as the team or as the order's customer.",
    )
    async def open_update(
        self, info: Info[Context, None], input: Annotated[OpenUpdateInput, Input]
    ) -> OrderUpdatePayload:
        viewer = info.context.viewer
        rights.may_open_updates(
            viewer,
            customer_visible=input.customer_visible,
            assigns=input.assignee is not None,
        )
        with told_at_once() as check:
            order = check(input.order.as_ref, "Order", "order")
            assignee = check(maybe_ref, input.assignee, "TeamMember", "assignee")
        row = await update_opening.open_update(
            viewer,
            order=order,
            title=input.title,
            message=input.message,
            customer_visible=input.customer_visible,
            assignee=assignee,
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        rights.may_write_notes,
        "Write under an update, as the team or as the customer; the other side gets a mail. The"
        " customer while it is open, the team until it is rated.",
    )
    async def post_note(
        self, info: Info[Context, None], input: Annotated[PostNoteInput, Input]
    ) -> OrderUpdatePayload:
        viewer = info.context.viewer
        rights.may_write_notes(viewer, internal=input.internal)
        row = await update_notes.post_note(
            viewer,
            update_id=_key(input.update_id),
            body=input.body,
            internal=input.internal,
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        rights.may_handle_updates,
        "Say who of the team looks after an update, as the team, until it is rated. Solves keep"
        " their credit.",
    )
    async def assign_update(
        self, info: Info[Context, None], input: Annotated[AssignUpdateInput, Input]
    ) -> OrderUpdatePayload:
        with told_at_once() as check:
            key = check(_key, input.update_id)
            assignee = check(maybe_ref, input.assignee, "TeamMember", "assignee")
        row = await update_opening.assign_update(
            info.context.viewer,
            update_id=key,
            assignee=assignee,
        )
        return await _updated(info, row)

    @mutation(
        OrderUpdatePayload,
        rights.may_handle_updates,
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
        rights.may_handle_updates,
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
        rights.may_judge_updates,
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
        rights.may_judge_updates,
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
    shown = await present(info.context, "OrderUpdate", [row], selected(info).below("orderUpdate"))
    return OrderUpdatePayload(order_update=shown[0])
