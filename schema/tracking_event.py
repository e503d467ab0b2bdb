"""Events of the tracking log, for the team."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

import models
from resolvers import orders, tracking_log
from resolvers.keyset import PageRequest
from resolvers.moments import moment
from resolvers.tracking_log import TrackingKind
from resolvers.viewer import Role
from schema import ids
from schema.connection import connection, wants_total
from schema.context import Context
from schema.fetch import fetch, present_by_id, presenter
from schema.node import Node, NodeRef, maybe_ref
from schema.order import Order
from schema.references import Of
from schema.selection import Selection


@strawberry.type(description="A fact of an event, by its name.")
class TrackingDetail:
    name: str = strawberry.field(description="Such as stars, notified, assignee or reason.")
    value: str = strawberry.field(
        description="As text: numbers in digits, true or false, lists parted by commas."
    )


@strawberry.type(
    description="A line of the tracking log: who did what, and when. Never changed. For the team."
)
class TrackingEvent(Node):
    at: datetime = strawberry.field(description="When it happened.")
    kind: TrackingKind = strawberry.field(description="What happened.")
    actor_role: Role = strawberry.field(description="As what the actor acted.")
    actor: str | None = strawberry.field(
        description="The actor's id in the marketplace; null for somebody who came by a link."
    )
    order: Order | None = strawberry.field(description="The order it concerns, if any.")
    subject: Node | None = strawberry.field(
        description=(
            "The review, order, update or member of the team it is about; null for the site, or"
            " when gone."
        )
    )
    details: list[TrackingDetail] = strawberry.field(description="What else is known of it.")

    @classmethod
    def from_row(cls, row: models.TrackingEvent, **related: Any) -> "TrackingEvent":
        return cls(
            id=strawberry.ID(ids.encode("TrackingEvent", row.id)),
            at=row.at,
            kind=TrackingKind(row.kind),
            actor_role=Role(row.actor_role),
            actor=row.actor,
            order=related.get("order"),
            subject=related.get("subject"),
            details=[
                TrackingDetail(name=name, value=_text(value))
                for name, value in sorted(row.details.items())
                if value is not None
            ],
        )


@presenter("TrackingEvent", tracking_log.by_ids)
async def present_events(
    context: Context, rows: Sequence[models.TrackingEvent], selection: Selection
) -> list[TrackingEvent]:
    """Events with everything selected below them, in a constant number of statements."""
    orders_by_id: dict[Any, Order] = {}
    if "order" in selection:
        order_ids = {row.order_id for row in rows if row.order_id}
        order_rows = await orders.by_ids(context.viewer, order_ids)
        orders_by_id = await present_by_id(
            context, "Order", order_rows.values(), selection["order"]
        )
    subjects: dict[Any, Node | None] = {}
    if "subject" in selection:
        about = list({(row.subject_type, row.subject_id) for row in rows if row.subject_id})
        nodes = await fetch(context, about, selection["subject"])
        subjects = {key: node for (_, key), node in zip(about, nodes, strict=True)}
    return [
        TrackingEvent.from_row(
            row, order=orders_by_id.get(row.order_id), subject=subjects.get(row.subject_id)
        )
        for row in rows
    ]


@strawberry.input(description="Narrows the log; everything given must hold.")
class TrackingFilter:
    order: Annotated[NodeRef, Of("Order", narrows=True)] | None = strawberry.field(
        default=None, description="Of this order, with its updates and its review."
    )
    update: strawberry.ID | None = strawberry.field(default=None, description="Of this update.")
    review: strawberry.ID | None = strawberry.field(
        default=None, description="Of this review, also a deleted one."
    )
    actor: str | None = strawberry.field(
        default=None, description="By the person with this id in the marketplace."
    )
    kind: TrackingKind | None = strawberry.field(default=None, description="Of this kind.")
    happened_after: datetime | None = strawberry.field(
        default=None, description="At this instant or later."
    )
    happened_before: datetime | None = strawberry.field(
        default=None, description="Before this instant."
    )


TrackingFilterArgument = Annotated[
    TrackingFilter | None, strawberry.argument(description="Narrows the log.")
]


async def event_page(
    context: Context, given: TrackingFilter | None, request: PageRequest, selection: Selection
) -> Any:
    """A connection of events, newest first."""
    page = await tracking_log.list_events(
        context.viewer, _as_filter(given), request, count=wants_total(selection)
    )
    nodes = await present_events(context, page.rows, selection.items_of_page())
    return connection(page, nodes)


def _as_filter(given: TrackingFilter | None) -> tracking_log.TrackingFilter:
    if given is None:
        return tracking_log.TrackingFilter()
    update, review = given.update, given.review
    return tracking_log.TrackingFilter(
        order=maybe_ref(given.order, "Order", "filter", "order"),
        update_id=ids.key_of("OrderUpdate", update, "filter", "update") if update else None,
        review_id=ids.key_of("Review", review, "filter", "review") if review else None,
        actor=given.actor,
        kind=given.kind,
        happened_after=moment(given.happened_after, "filter", "happened_after"),
        happened_before=moment(given.happened_before, "filter", "happened_before"),
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return str(value)
