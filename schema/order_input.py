"""What the marketplace's back end sends about orders, and what it gets back."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from models import OrderStatus
from resolvers import order_feed
from resolvers.errors import UserError as Refusal
from resolvers.order_facts import KEEP, OrderFacts, PersonFacts, ServiceFacts
from schema.errors import UserError
from schema.order import Order
from schema.scalars import moment


@strawberry.input(description="A customer or vendor. Persons share one namespace of ids.")
class PersonInput:
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    display_name: str = strawberry.field(
        description="200 characters at most. A customer's may be empty; a vendor's not."
    )
    email: str | None = strawberry.field(
        default=UNSET, description="Where mails go; null forgets it, left out keeps it."
    )
    locale: str | None = strawberry.field(
        default=UNSET, description="Language of mails, such as de-AT; null forgets it."
    )

    def facts(self) -> PersonFacts:
        return PersonFacts(
            self.external_id, self.display_name, _said(self.email), _said(self.locale)
        )


@strawberry.input(description="What was bought.")
class ServiceInput:
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    title: str = strawberry.field(description="1 to 300 characters.")
    url: str | None = strawberry.field(
        default=UNSET, description="Its page, http or https; null forgets it, left out keeps it."
    )


@strawberry.input(description="One purchase of one service, as the marketplace knows it now.")
class OrderInput:
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    status: OrderStatus = strawberry.field(description="How far it is.")
    completed_at: datetime | None = strawberry.field(
        default=None,
        description=(
            "When it was completed: starts the review window; the newest counts. Left out for a"
            " completed order: what is known, else the moment of receipt."
        ),
    )
    reminders_allowed: bool = strawberry.field(
        default=True, description="Whether its customer may be reminded to review."
    )
    customer: PersonInput = strawberry.field(description="Who received the service.")
    vendor: PersonInput = strawberry.field(description="Who sold it.")
    service: ServiceInput = strawberry.field(description="What was bought.")

    def facts(self) -> OrderFacts:
        """What resolvers take, also of a row whose completion cannot be read."""
        completed_at, unreadable = None, list[Refusal]()
        try:
            completed_at = moment(self.completed_at, "completedAt")
        except Refusal as error:
            unreadable.append(error)
        return OrderFacts(
            external_id=self.external_id,
            status=self.status,
            completed_at=completed_at,
            unreadable=tuple(unreadable),
            reminders_allowed=self.reminders_allowed,
            customer=self.customer.facts(),
            vendor=self.vendor.facts(),
            service=ServiceFacts(
                self.service.external_id, self.service.title, _said(self.service.url)
            ),
        )


@strawberry.input(description="Orders, in the order in which they are to be applied.")
class UpsertOrdersInput:
    orders: list[OrderInput] = strawberry.field(description="500 at most.")

    def facts(self) -> list[OrderFacts]:
        return [order.facts() for order in self.orders]


@strawberry.type(description="What became of one order.")
class OrderResult:
    external_id: str = strawberry.field(description="The id that was sent.")
    outcome: order_feed.Outcome | None = strawberry.field(
        description="What the row did; null when it was refused."
    )
    order: Order | None = strawberry.field(
        description="The order as it is now; null when it was refused."
    )
    errors: list[UserError] = strawberry.field(
        description="Why the row was refused; empty when it was applied."
    )

    @classmethod
    def of(cls, result: order_feed.OrderResult, order: Order | None) -> "OrderResult":
        return cls(
            external_id=result.external_id,
            outcome=result.outcome,
            order=order,
            errors=[UserError.of(error) for error in result.errors],
        )


@strawberry.type(description="As many results as orders, in their order.")
class UpsertOrdersPayload:
    results: list[OrderResult] = strawberry.field(
        default_factory=list, description="One for each order."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why no row was looked at; empty when they were."
    )


def _said(value: Any) -> Any:
    return KEEP if value is UNSET else value
