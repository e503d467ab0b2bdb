"""Inputs and payloads of order updates."""

import strawberry
from strawberry import Info

import models
from resolvers.update_opening import MAX_TITLE
from resolvers.user_text import BODY_MAX
from schema.context import Context
from schema.errors import ERRORS_DESCRIPTION, UserError
from schema.mutation_field import present_in_payload
from schema.order_update import OrderUpdate
from schema.references import MemberRef, OrderRef, UpdateId

_WHICH = "Which update."


@strawberry.input(description="A new update of an order.")
class OpenUpdateInput:
    order: OrderRef = strawberry.field(description="The order; a customer's own one.")
    title: str = strawberry.field(
        description=f"What it is about: one line of 1 to {MAX_TITLE} characters."
    )
    message: str | None = strawberry.field(
        default=None,
        description=f"Its first note, plain text of {BODY_MAX:,} characters at most;"
        " blank is none.",
    )
    customer_visible: bool = strawberry.field(
        default=True,
        description="Whether the customer sees it, for good. Only the team opens internal ones.",
    )
    assignee: MemberRef | None = strawberry.field(
        default=None,
        description=(
            "Who of the team looks after it; only the team says so. Somebody who never acted here"
            " is NOT_FOUND."
        ),
    )


@strawberry.input(description="A note under an update.")
class PostNoteInput:
    update_id: UpdateId = strawberry.field(description=_WHICH)
    body: str = strawberry.field(description=f"Plain text of 1 to {BODY_MAX:,} characters.")
    internal: bool = strawberry.field(
        default=False,
        description="For the team alone. Under an internal update all notes are.",
    )


@strawberry.input(description="Who looks after an update.")
class AssignUpdateInput:
    update_id: UpdateId = strawberry.field(description=_WHICH)
    assignee: MemberRef | None = strawberry.field(
        default=None,
        description=(
            "Who of the team; left out or null: nobody. Somebody who never acted here is NOT_FOUND."
        ),
    )


@strawberry.input(description="The solve of an update.")
class SolveUpdateInput:
    update_id: UpdateId = strawberry.field(description=_WHICH)
    notify_customer: bool | None = strawberry.field(
        default=None,
        description=(
            "Required when the customer sees the update: true sends the mail with the link to rate,"
            " false says nothing. An internal update needs none and takes no true."
        ),
    )


@strawberry.input(description="Back to open, by the team.")
class ReopenUpdateInput:
    update_id: UpdateId = strawberry.field(description=_WHICH)
    note: str | None = strawberry.field(
        default=None,
        description="Why, for the team alone; `postNote` tells the customer.",
    )


@strawberry.input(description="Back to open, by the customer.")
class StillHasIssueInput:
    update_id: UpdateId = strawberry.field(description=_WHICH)
    note: str | None = strawberry.field(
        default=None, description="What is still wrong: a note for the team."
    )


@strawberry.input(description="The rating of a solved update. Final.")
class RateUpdateInput:
    update_id: UpdateId = strawberry.field(description=_WHICH)
    stars: int = strawberry.field(description="Whole stars, 1 to 5.")
    comment: str | None = strawberry.field(
        default=None,
        description=(
            f"Plain text of {BODY_MAX:,} characters at most; blank is none. Refused while"
            " `Settings.ratingCommentsEnabled` is false."
        ),
    )


@strawberry.type(description="The update after the change.")
class OrderUpdatePayload:
    order_update: OrderUpdate | None = strawberry.field(
        default=None, description="The update as it is now; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, info: Info[Context, None], row: models.OrderUpdate) -> "OrderUpdatePayload":
        return cls(order_update=await present_in_payload(info, "OrderUpdate", row))
