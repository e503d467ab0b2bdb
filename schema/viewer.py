"""The viewer's own role, vendor and notifications."""

from typing import Annotated

import strawberry
from strawberry import Info

from resolvers import notifications
from resolvers import services as found_services
from resolvers.notifications import MAX_UNREAD
from resolvers.ref import Ref
from resolvers.viewer import Role
from schema.connection import (
    After,
    Before,
    Connection,
    First,
    Last,
    connection,
    page_request,
    wants_total,
)
from schema.context import Context
from schema.fetch import present, present_one
from schema.notification import Notification
from schema.selection import selected
from schema.vendor import Vendor

UnreadOnly = Annotated[bool, strawberry.argument(description="Only those not read yet.")]


@strawberry.type(description="Who the server takes you for, from your token alone.")
class Viewer:
    role: Role = strawberry.field(description="What you are.")
    external_id: str | None = strawberry.field(
        description="Your id in the marketplace, or your API key's name; null without one."
    )
    display_name: str | None = strawberry.field(description="Your name as your token gives it.")

    @strawberry.field(
        description="The vendor you act for; null for others, or before its first order."
    )
    async def vendor(self, info: Info[Context, None]) -> Vendor | None:
        name = info.context.viewer.vendor
        row = await found_services.find_vendor(Ref(external_id=name)) if name else None
        if row is None:
            return None
        return await present_one(info.context, "Vendor", row, selected(info))  # type: ignore[no-any-return]

    @strawberry.field(
        description="Your notices, newest first. Those of the vendor you act for too."
    )
    async def notifications(
        self,
        info: Info[Context, None],
        unread_only: UnreadOnly = False,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Notification]:
        selection = selected(info)
        page = await notifications.list_notifications(
            info.context.viewer,
            page_request(first, after, last, before),
            unread_only=unread_only,
            count=wants_total(selection),
        )
        nodes = await present(info.context, "Notification", page.rows, selection.items_of_page())
        return connection(page, nodes)

    @strawberry.field(
        description="How many notices you have not read yet, counted to"
        f" {MAX_UNREAD}: show that as {MAX_UNREAD - 1}+."
    )
    async def unread_notification_count(self, info: Info[Context, None]) -> int:
        return await notifications.unread_count(info.context.viewer)

    @classmethod
    def of(cls, context: Context) -> "Viewer":
        viewer = context.viewer
        return cls(
            role=viewer.role, external_id=viewer.external_id, display_name=viewer.display_name
        )
