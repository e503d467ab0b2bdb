"""All subscriptions."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry
from strawberry import Info

from resolvers import announcements
from schema.context import Context
from schema.fetch import present, present_one
from schema.node import NodeRef, maybe_ref
from schema.notification import Notification
from schema.references import Of
from schema.review import Review
from schema.selection import selected

ServiceRef = Annotated[
    NodeRef | None,
    Of("Service"),
    strawberry.argument(description="Only reviews of this service, which may still be to come."),
]
VendorRef = Annotated[
    NodeRef | None,
    Of("Vendor"),
    strawberry.argument(description="Only reviews of this vendor, who may still be to come."),
]


@strawberry.type(
    description=(
        "What is told as it happens, over WebSocket (graphql-transport-ws) or server-sent events."
        " A reader that falls far behind is disconnected; lists hold what was missed."
    )
)
class Subscription:
    @strawberry.subscription(
        description="Your notices as they fall due, those of the vendor you act for too."
    )
    async def notification_received(
        self, info: Info[Context, None]
    ) -> AsyncGenerator[Notification, None]:
        received = announcements.received_notifications(info.context.viewer)
        async with aclosing(received) as rows:
            async for row in rows:
                yield await present_one(_fresh(info), "Notification", row, selected(info))

    @strawberry.subscription(
        description="Reviews as they become public: when they are written, or when approved."
    )
    async def review_published(
        self,
        info: Info[Context, None],
        service: ServiceRef = None,
        vendor: VendorRef = None,
    ) -> AsyncGenerator[Review, None]:
        reviews = announcements.published_reviews(
            service=maybe_ref(service, "Service", "service"),
            vendor=maybe_ref(vendor, "Vendor", "vendor"),
        )
        async with aclosing(reviews) as published:
            async for rows in published:
                for review in await present(_fresh(info), "Review", rows, selected(info)):
                    yield review


def _fresh(info: Info[Context, None]) -> Context:
    """The subscriber's context, without what earlier events have read."""
    return Context(info.context.viewer, language=info.context.language)
