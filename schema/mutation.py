"""What can be done: the table of contents. Every refusal is data in `errors`."""

from typing import Annotated, Any

import strawberry
from strawberry import Info

from resolvers import notifications, order_feed, rights, site_settings
from resolvers.mistakes import told_at_once
from resolvers.orders import by_ids as orders_by_ids
from schema import ids
from schema.context import Context
from schema.fetch import present_by_id
from schema.mail_mutation import MailMutation
from schema.mutation_field import Input, mutation
from schema.order_input import OrderResult, UpsertOrdersInput, UpsertOrdersPayload
from schema.review_mutation import ReviewMutation
from schema.selection import selected
from schema.settings import Settings, UpdateSettingsInput
from schema.update_mutation import UpdateMutation
from schema.viewer import Viewer
from schema.viewer_input import MarkNotificationsReadInput, SettingsPayload, ViewerPayload


@strawberry.type(description="What can be done. A refusal changes nothing and stands in `errors`.")
class Mutation(ReviewMutation, UpdateMutation, MailMutation):
    @mutation(
        UpsertOrdersPayload,
        rights.may_feed,
        f"Tell up to {order_feed.MAX_ORDERS} orders, with an API key of the scope ORDERS_WRITE."
        " Idempotent: later news wins, the same news changes nothing, a bad row spoils no good one."
        " Over HTTP, the body may have 28,000,000 bytes: room for"
        f" {order_feed.MAX_ORDERS} with their longest values, sent as variables.",
    )
    async def upsert_orders(
        self, info: Info[Context, None], input: Annotated[UpsertOrdersInput, Input]
    ) -> UpsertOrdersPayload:
        viewer = info.context.viewer
        results = await order_feed.upsert_orders(viewer, input.facts())
        shown: dict[Any, Any] = {}
        below = selected(info).below("results", "order")
        if below:
            wanted = {result.order_id for result in results if result.order_id}
            found = await orders_by_ids(viewer, wanted)
            shown = await present_by_id(info.context, "Order", found.values(), below)
        return UpsertOrdersPayload(
            results=[OrderResult.of(result, shown.get(result.order_id)) for result in results]
        )

    @mutation(
        SettingsPayload,
        rights.may_moderate,
        "Change settings, as an admin. Only the fields given change.",
    )
    async def update_settings(
        self, info: Info[Context, None], input: Annotated[UpdateSettingsInput, Input]
    ) -> SettingsPayload:
        row = await site_settings.update_settings(info.context.viewer, **input.changes())
        info.context.forget_settings()
        return SettingsPayload(settings=Settings.from_row(row, info.context.viewer))

    @mutation(ViewerPayload, rights.may_read_notices, "Mark notices of yours as read.")
    async def mark_notifications_read(
        self, info: Info[Context, None], input: Annotated[MarkNotificationsReadInput, Input]
    ) -> ViewerPayload:
        keys = None
        if input.ids is not None:
            with told_at_once() as check:
                keys = [
                    check(ids.key_of, "Notification", each, "ids", str(place))
                    for place, each in enumerate(input.ids[: notifications.MAX_MARKED + 1])
                ]
        await notifications.mark_read(info.context.viewer, ids=keys, everything=input.all)
        return ViewerPayload(viewer=Viewer.of(info.context))
