"""Queries of mails, for admins."""

import strawberry
from strawberry import Info

from schema.connection import After, Before, Connection, First, Last, page_request
from schema.context import Context
from schema.mail_delivery import MailDelivery, MailFilterArgument, mail_page
from schema.selection import selected


@strawberry.type(description="What admins read of mails.")
class MailQuery:
    @strawberry.field(
        description=(
            "Mails and what became of them, newest first. For admins; an error for everybody else."
        )
    )
    async def mail_deliveries(
        self,
        info: Info[Context, None],
        filter: MailFilterArgument = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[MailDelivery]:
        info.context.viewer.must_be_admin()
        request = page_request(first, after, last, before)
        return await mail_page(  # type: ignore[no-any-return]
            info.context, filter, request, selected(info)
        )
