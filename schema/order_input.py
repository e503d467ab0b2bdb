"""Input and payload of the order feed, for the marketplace's back end."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET, Info

from models import OrderStatus
from resolvers import order_rows, orders
from resolvers.order_facts import KEEP, MAX_NAME, MAX_TITLE, OrderFacts, PersonFacts, ServiceFacts
from resolvers.order_feed import MAX_ORDERS
from schema.context import Context
from schema.errors import UserError
from schema.fetch import present_by_id
from schema.order import Order
from schema.plain_input import read_plainly
from schema.selection import selected


@strawberry.input(
    description=(
        "A customer or vendor. Persons share one namespace of ids. The newest facts are kept: an"
        " older order does not change a person. A key that is bound to a vendor changes nothing of"
        " a customer whom another key has told or an order of another vendor knows."
    )
)
class PersonInput:
    external_id: str = strawberry.field(
        description=(
            "The id that the marketplace gave it. For a purchase without an account, one that only"
            " this buyer has; `0`, `guest`, `none`, `null` and `anonymous` name nobody, and become"
            " one customer an order."
        )
    )
    display_name: str = strawberry.field(
        description=f"{MAX_NAME} characters at most. A customer's may be empty; a vendor's not."
    )
    email: str | None = strawberry.field(
        default=UNSET,
        description=(
            "Where mails go; null forgets it, left out keeps it. What is no address is left out,"
            " with a warning."
        ),
    )
    locale: str | None = strawberry.field(
        default=UNSET,
        description=(
            "Language of mails, such as de-AT; null forgets it. What is no language is left out,"
            " with a warning."
        ),
    )

    def facts(self) -> PersonFacts:
        return PersonFacts(
            self.external_id, self.display_name, _or_keep(self.email), _or_keep(self.locale)
        )


@strawberry.input(description="What was bought.")
class ServiceInput:
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    title: str = strawberry.field(description=f"1 to {MAX_TITLE} characters.")
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
    updated_at: datetime | None = strawberry.field(
        default=None,
        description=(
            "When the marketplace last changed it. A row older than what is stored is STALE and"
            " changes nothing; an equally old one counts as newer, and what a vendor's own key said"
            " makes no other row stale. More than five minutes ahead is refused. Left out: the"
            " order is taken as received, its persons as of its completion."
        ),
    )
    reminders_allowed: bool = strawberry.field(
        default=True, description="Whether its customer may be reminded to review."
    )
    hand_over: bool = strawberry.field(
        default=False,
        description=(
            "Whether a reviewed order may get another customer, who gets the review, its notices"
            " and its mails. Only by a key that is bound to no vendor; otherwise a CONFLICT. All"
            " links to the order end, and the tracking log holds both ids."
        ),
    )
    customer: PersonInput = strawberry.field(description="Who received the service.")
    vendor: PersonInput = strawberry.field(description="Who sold it.")
    service: ServiceInput = strawberry.field(description="What was bought.")

    def facts(self) -> OrderFacts:
        return OrderFacts(
            external_id=self.external_id,
            status=self.status,
            completed_at=self.completed_at,
            updated_at=self.updated_at,
            hand_over=self.hand_over,
            reminders_allowed=self.reminders_allowed,
            customer=self.customer.facts(),
            vendor=self.vendor.facts(),
            service=ServiceFacts(
                self.service.external_id, self.service.title, _or_keep(self.service.url)
            ),
        )


@read_plainly
@strawberry.input(description="Orders, in the order in which they are to be applied.")
class UpsertOrdersInput:
    orders: list[OrderInput] = strawberry.field(description=f"{MAX_ORDERS} at most.")

    def given(self) -> dict[str, Any]:
        return {"rows": [order.facts() for order in self.orders]}


@strawberry.type(description="What became of one order.")
class OrderResult:
    external_id: str = strawberry.field(description="The id that was sent.")
    outcome: order_rows.Outcome | None = strawberry.field(
        description="What the row did; null when it was refused."
    )
    order: Order | None = strawberry.field(
        description="The order as it is now; null when it was refused."
    )
    errors: list[UserError] = strawberry.field(
        description="Why the row was refused; empty when it was applied."
    )
    warnings: list[UserError] = strawberry.field(
        description=(
            "What of an order that was stored could not be taken (an address, a web address, a"
            " language, a name) and stays as it was, or what should be sent differently."
        )
    )

    @classmethod
    def of(cls, result: order_rows.OrderResult, order: Order | None) -> "OrderResult":
        return cls(
            external_id=result.external_id,
            outcome=result.outcome,
            order=order,
            errors=[UserError.of(error) for error in result.errors],
            warnings=[UserError.of(error) for error in result.warnings],
        )


@strawberry.type(description="As many results as orders, in their order.")
class UpsertOrdersPayload:
    results: list[OrderResult] = strawberry.field(
        default_factory=list, description="One for each order."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why no row was looked at; empty when they were."
    )

    @classmethod
    async def of(
        cls, info: Info[Context, None], results: list[order_rows.OrderResult]
    ) -> "UpsertOrdersPayload":
        orders_by_id: dict[Any, Order] = {}
        below = selected(info).below("results", "order")
        if below:
            order_ids = {result.order_id for result in results if result.order_id}
            rows_by_id = await orders.by_ids(info.context.viewer, order_ids)
            orders_by_id |= await present_by_id(info.context, "Order", rows_by_id.values(), below)
        return cls(
            results=[OrderResult.of(each, orders_by_id.get(each.order_id)) for each in results]
        )


def _or_keep(value: Any) -> Any:
    return KEEP if value is UNSET else value
