"""Mutations of order updates."""

import strawberry

from resolvers import rights, update_notes, update_opening, update_ratings, update_solves
from schema.mutation_field import mutation
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
    open_update = mutation(
        "Open an update of an order, as the team or as the order's customer.",
        input=OpenUpdateInput,
        may=rights.may_open_updates,
        act=update_opening.open_update,
        payload=OrderUpdatePayload,
    )
    post_note = mutation(
        "Write under an update, as the team or as the customer; the other side gets a mail. The"
        " customer while it is open, the team until it is rated.",
        input=PostNoteInput,
        may=rights.may_write_notes,
        act=update_notes.post_note,
        payload=OrderUpdatePayload,
    )
    assign_update = mutation(
        "Say who of the team looks after an update, as the team, until it is rated. Solves keep"
        " their credit.",
        input=AssignUpdateInput,
        may=rights.may_handle_updates,
        act=update_opening.assign_update,
        payload=OrderUpdatePayload,
    )
    solve_update = mutation(
        "Solve an open update, as the team. The assignee, else you, is credited with it; the"
        " customer can then rate it or say that there is still an issue.",
        input=SolveUpdateInput,
        may=rights.may_handle_updates,
        act=update_solves.solve_update,
        payload=OrderUpdatePayload,
    )
    reopen_update = mutation(
        "Open a solved update again, as the team, until it is rated.",
        input=ReopenUpdateInput,
        may=rights.may_handle_updates,
        act=update_solves.reopen_update,
        payload=OrderUpdatePayload,
    )
    report_still_has_issue = mutation(
        "Open a solved update again, as its customer, without the team, until it is rated.",
        input=StillHasIssueInput,
        may=rights.may_judge_updates,
        act=update_solves.report_still_has_issue,
        payload=OrderUpdatePayload,
    )
    rate_update = mutation(
        "Rate a solved update, as its customer, once. Final: it is closed for everybody, for good,"
        " and a new problem is a new update. By the link of an older solve: CONFLICT, superseded.",
        input=RateUpdateInput,
        may=rights.may_judge_updates,
        act=update_ratings.rate_update,
        payload=OrderUpdatePayload,
    )
