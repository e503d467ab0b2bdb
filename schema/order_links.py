"""Input and payload of `revokeLinks`."""

import strawberry
from strawberry import Info

import models
from schema.context import Context
from schema.errors import ERRORS_DESCRIPTION, UserError
from schema.mutation_field import present_in_payload
from schema.order import Order
from schema.references import OrderRef


@strawberry.input(description="Whose links are revoked.")
class RevokeLinksInput:
    order: OrderRef = strawberry.field(description="Which order.")


@strawberry.type(description="The order whose links were revoked.")
class RevokeLinksPayload:
    order: Order | None = strawberry.field(
        default=None, description="The order; null when refused."
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS_DESCRIPTION)

    @classmethod
    async def of(cls, info: Info[Context, None], row: models.Order) -> "RevokeLinksPayload":
        return cls(order=await present_in_payload(info, "Order", row))
