"""Orders, for their parties and the team."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import strawberry
from strawberry import Info

import models
from resolvers import orders, review_eligibility, review_lookup, services
from resolvers.review_eligibility import Eligibility, IneligibilityReason
from resolvers.update_list import OrderUpdateSort
from schema import ids
from schema.connection import After, Before, Connection, First, Last, page_request
from schema.context import Context
from schema.fetch import present, present_by_id, presenter
from schema.node import Node
from schema.order_update import OrderUpdate
from schema.review import Review
from schema.selection import Selection, selected
from schema.service import Service
from schema.update_page import (
    OrderUpdateFilterArgument,
    OrderUpdateOrderArgument,
    update_page,
)
from schema.vendor import Vendor


@strawberry.type(
    description=(
        "Whether you can review an order now. The same rule decides `createReview`, so the two"
        " never disagree."
    )
)
class ReviewEligibility:
    eligible: bool = strawberry.field(description="Whether a review would be accepted now.")
    reason: IneligibilityReason | None = strawberry.field(
        description="Why not; null when eligible."
    )
    message: str = strawberry.field(description="The verdict in a sentence for a person.")
    last_day: date | None = strawberry.field(
        description=(
            "The last day on which a review is accepted, in the site's time zone; null when the"
            " window is unlimited or the completion unknown."
        )
    )
    closes_at: datetime | None = strawberry.field(
        description="The first instant after that day: the window is closed from then on."
    )
    existing_review: Review | None = strawberry.field(
        description="The order's review, if there is one that you may see, whatever the reason."
    )

    @classmethod
    def of(cls, verdict: Eligibility, existing: Review | None) -> "ReviewEligibility":
        return cls(
            eligible=verdict.reason is None,
            reason=verdict.reason,
            message=verdict.message,
            last_day=verdict.window.last_day if verdict.window else None,
            closes_at=verdict.window.closes_at if verdict.window else None,
            existing_review=existing,
        )


@strawberry.type(description="Whose order it is, as the marketplace knows them. For the team.")
class OrderCustomer:
    external_id: str = strawberry.field(
        description="The id in the marketplace; of a purchase without an account, one of its own."
    )
    display_name: str = strawberry.field(
        description="The whole name, as the marketplace sent it; may be empty."
    )


@strawberry.type(description="One purchase of one service. For its parties and the team.")
class Order(Node):
    key: strawberry.Private[UUID]
    external_id: str = strawberry.field(description="The id that the marketplace gave it.")
    status: models.OrderStatus = strawberry.field(description="How far it is.")
    completed_at: datetime | None = strawberry.field(
        description="When it was completed; null when it was not, or nobody knows."
    )
    service: Service = strawberry.field(description="What was bought.")
    vendor: Vendor = strawberry.field(description="Who sold it.")
    customer: OrderCustomer | None = strawberry.field(
        description="Who received the service. For the team; null for everybody else."
    )
    review: Review | None = strawberry.field(
        description="Its review, if there is one that you may see."
    )
    review_eligibility: ReviewEligibility = strawberry.field(
        description="Whether you can review it now."
    )

    @strawberry.field(description="Its updates, as far as you may see them.")
    async def updates(
        self,
        info: Info[Context, None],
        filter: OrderUpdateFilterArgument = None,
        order_by: OrderUpdateOrderArgument = OrderUpdateSort.LATEST_ACTIVITY,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[OrderUpdate]:
        request = page_request(first, after, last, before)
        return await update_page(  # type: ignore[no-any-return]
            info.context, self.key, filter, order_by, request, selected(info)
        )

    @classmethod
    def from_row(cls, row: models.Order, **related: Any) -> "Order":
        """`related` has only the selected fields."""
        return cls(
            id=strawberry.ID(ids.encode("Order", row.id)),
            key=row.id,
            external_id=row.external_id,
            status=row.status,
            completed_at=row.completed_at,
            service=related.get("service"),  # type: ignore[arg-type]
            vendor=related.get("vendor"),  # type: ignore[arg-type]
            customer=related.get("customer"),
            review=related.get("review"),
            review_eligibility=related.get("eligibility"),  # type: ignore[arg-type]
        )


@presenter("Order", orders.by_ids)
async def present_orders(
    context: Context, rows: Sequence[models.Order], selection: Selection
) -> list[Order]:
    """Orders with everything selected below them, in a constant number of statements."""
    related: dict[str, dict[UUID, Any]] = {}
    if rows and "service" in selection:
        rows_by_id = await services.services_by_ids({row.service_id for row in rows})
        related["service"] = await present_by_id(
            context, "Service", rows_by_id.values(), selection["service"]
        )
    if rows and "vendor" in selection:
        vendor_rows = await services.vendors_by_ids({row.vendor_id for row in rows})
        related["vendor"] = await present_by_id(
            context, "Vendor", vendor_rows.values(), selection["vendor"]
        )
    if rows and "review" in selection:
        review_rows = await review_lookup.of_orders(context.viewer, [row.id for row in rows])
        nodes = await present(context, "Review", review_rows, selection["review"])
        related["review"] = dict(zip((row.order_id for row in review_rows), nodes, strict=True))
    if rows and "reviewEligibility" in selection:
        verdicts = await review_eligibility.of_orders(context.viewer, list(rows))
        eligibilities = await present_eligibilities(
            context, verdicts, selection["reviewEligibility"]
        )
        related["eligibility"] = dict(zip((row.id for row in rows), eligibilities, strict=True))
    return [
        Order.from_row(
            row,
            service=related.get("service", {}).get(row.service_id),
            vendor=related.get("vendor", {}).get(row.vendor_id),
            customer=_customer(row) if context.viewer.is_team else None,
            review=related.get("review", {}).get(row.id),
            eligibility=related.get("eligibility", {}).get(row.id),
        )
        for row in rows
    ]


def _customer(row: models.Order) -> OrderCustomer:
    return OrderCustomer(
        external_id=row.customer.external_id, display_name=row.customer.display_name
    )


async def present_eligibilities(
    context: Context, verdicts: Sequence[Eligibility], selection: Selection
) -> list[ReviewEligibility]:
    """Verdicts with the existing reviews, if selected."""
    existing = [verdict.existing_review for verdict in verdicts if verdict.existing_review]
    reviews_by_id: dict[UUID, Review] = {}
    if "existingReview" in selection:
        reviews_by_id = await present_by_id(
            context, "Review", existing, selection["existingReview"]
        )
    return [
        ReviewEligibility.of(
            verdict,
            reviews_by_id.get(verdict.existing_review.id) if verdict.existing_review else None,
        )
        for verdict in verdicts
    ]
