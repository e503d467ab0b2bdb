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
        viewer = info.context.viewer
        async with aclosing(announcements.received_notifications(viewer)) as received:
            async for row in received:
                yield await present_one(Context(viewer), "Notification", row, selected(info))

    @strawberry.subscription(
        description="Reviews as they become public: when they are written, or when approved."
    )
    async def review_published(
        self,
        info: Info[Context, None],
        service: ServiceRef = None,
        vendor: VendorRef = None,
    ) -> AsyncGenerator[Review, None]:
        viewer = info.context.viewer
        reviews = announcements.published_reviews(
            service=maybe_ref(service, "Service", "service"),
            vendor=maybe_ref(vendor, "Vendor", "vendor"),
        )
        async with aclosing(reviews) as published:
            async for rows in published:
                for review in await present(Context(viewer), "Review", rows, selected(info)):
                    yield review
