"""Things by their ids, for `node`, `nodes` and the fields that take one id."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from resolvers import (
    mail_deliveries,
    notifications,
    order_updates_lookup,
    orders,
    reviews_lookup,
    services,
    team_members,
    tracking_log,
    update_notes,
)
from schema.context import Context
from schema.mail_delivery import present_mails
from schema.node import Node
from schema.note import present_notes
from schema.notification import present_notifications
from schema.order import present_orders
from schema.order_update import present_updates
from schema.review import present_reviews
from schema.selection import Selection
from schema.service import present_services
from schema.team_member import present_team_members
from schema.tracking_event import present_events
from schema.vendor import present_vendors

ByIds = Callable[[Context, Collection[UUID]], Awaitable[Mapping[UUID, Any]]]
Present = Callable[[Context, Sequence[Any], Selection], Awaitable[Sequence[Node]]]

# What exists for the viewer comes from the same query as in every list.
_TYPES: dict[str, tuple[ByIds, Present]] = {
    "MailDelivery": (
        lambda context, ids: mail_deliveries.by_ids(context.viewer, ids),
        present_mails,
    ),
    "Note": (lambda context, ids: update_notes.by_ids(context.viewer, ids), present_notes),
    "Notification": (
        lambda context, ids: notifications.by_ids(context.viewer, list(ids)),
        present_notifications,
    ),
    "Order": (lambda context, ids: orders.by_ids(context.viewer, ids), present_orders),
    "OrderUpdate": (
        lambda context, ids: order_updates_lookup.by_ids(context.viewer, ids),
        present_updates,
    ),
    "Review": (lambda context, ids: reviews_lookup.by_ids(context.viewer, ids), present_reviews),
    "Service": (lambda _, ids: services.services_by_ids(ids), present_services),
    "TeamMember": (
        lambda context, ids: team_members.by_ids(context.viewer, ids),
        present_team_members,
    ),
    "TrackingEvent": (
        lambda context, ids: tracking_log.by_ids(context.viewer, ids),
        present_events,
    ),
    "Vendor": (lambda _, ids: services.vendors_by_ids(ids), present_vendors),
}


async def fetch(
    context: Context, keys: Sequence[tuple[str, UUID]], selection: Selection
) -> list[Node | None]:
    """Things of any types, in the order of their keys; None for what does not exist for you."""
    found: dict[tuple[str, UUID], Node] = {}
    for type_name in {name for name, _ in keys} & _TYPES.keys():
        by_ids, present = _TYPES[type_name]
        wanted = {key for name, key in keys if name == type_name}
        rows = list((await by_ids(context, wanted)).values())
        for row, node in zip(rows, await present(context, rows, selection), strict=True):
            found[type_name, row.id] = node
    return [found.get(key) for key in keys]


async def fetch_one(context: Context, type_name: str, key: UUID, selection: Selection) -> Any:
    """One thing of a type; None when it does not exist for you."""
    return (await fetch(context, [(type_name, key)], selection))[0]
