"""Queries of order updates and the team."""

import strawberry
from strawberry import Info

from resolvers import team_analytics as analytics
from resolvers.update_list import OrderUpdateSort
from schema import ids
from schema.connection import After, Before, Connection, First, Last, page_request
from schema.context import Context
from schema.fetch import fetch_one
from schema.node import Id
from schema.order_update import OrderUpdate
from schema.selection import selected
from schema.team_analytics import PeriodArgument, TeamAnalytics
from schema.team_input import TeamMemberFilterArgument, member_page
from schema.team_member import TeamMember
from schema.tracking_event import TrackingEvent, TrackingFilterArgument, event_page
from schema.update_page import (
    OrderUpdateFilterArgument,
    OrderUpdateOrderArgument,
    update_page,
)


@strawberry.type(description="What can be read of order updates and the team.")
class UpdateQuery:
    @strawberry.field(description="An order update; null when it is not there for you.")
    async def order_update(self, info: Info[Context, None], id: Id) -> OrderUpdate | None:
        key = ids.key_of("OrderUpdate", id, "id")
        return await fetch_one(  # type: ignore[no-any-return]
            info.context, "OrderUpdate", key, selected(info)
        )

    @strawberry.field(description="Order updates, as far as you may see them.")
    async def order_updates(
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
            info.context, None, filter, order_by, request, selected(info)
        )

    @strawberry.field(
        description="Who did what, newest first. For the team; an error for everybody else."
    )
    async def tracking_log(
        self,
        info: Info[Context, None],
        filter: TrackingFilterArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TrackingEvent]:
        info.context.viewer.must_be_team()
        request = page_request(first, after, last, before)
        return await event_page(  # type: ignore[no-any-return]
            info.context, filter, request, selected(info)
        )

    @strawberry.field(
        description=(
            "The members of the team by name, such as to pick an assignee. For the team; an error"
            " for everybody else."
        )
    )
    async def team_members(
        self,
        info: Info[Context, None],
        filter: TeamMemberFilterArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[TeamMember]:
        info.context.viewer.must_be_team()
        request = page_request(first, after, last, before)
        return await member_page(info.context, filter, request, selected(info))

    @strawberry.field(
        description="How the team does in some days. For the team; an error for everybody else."
    )
    async def team_analytics(
        self, info: Info[Context, None], period: PeriodArgument
    ) -> TeamAnalytics:
        counted = await analytics.team_analytics(
            info.context.viewer, first=period.from_, last=period.to, interval=period.interval
        )
        return TeamAnalytics.of(counted)
