"""Notices in the app."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import strawberry

import models
from resolvers import orders, reviews_lookup
from schema import ids
from schema.context import Context
from schema.enums import described
from schema.node import Node
from schema.order import present_orders
from schema.review import present_reviews
from schema.selection import Selection


class NotificationKind(StrEnum):
    REVIEW_RECEIVED = "review.received"
    REVIEW_REPLIED = "review.replied"
    REVIEW_PUBLISHED = "review.published"
    REVIEW_REJECTED = "review.rejected"
    REVIEW_REMINDER = "review.reminder"


described(
    NotificationKind,
    "What a notice tells of.",
    REVIEW_RECEIVED="To the vendor: a review of one of your services is public.",
    REVIEW_REPLIED="To the customer: the vendor answered your review.",
    REVIEW_PUBLISHED="To the customer: your review was approved.",
    REVIEW_REJECTED="To the customer: your review was rejected; it holds the reason.",
    REVIEW_REMINDER="To the customer: a completed order can be reviewed.",
)


@strawberry.type(description="A notice in your inbox of the app: one per event and person.")
class Notification(Node):
    kind: NotificationKind = strawberry.field(description="What it tells of.")
    created_at: datetime = strawberry.field(description="When it appeared.")
    read_at: datetime | None = strawberry.field(description="When you read it; null before.")
    subject: Node | None = strawberry.field(
        description="What it is about; null when you may not see that (any more)."
    )

    @classmethod
    def from_row(cls, row: models.Notification, subject: Node | None) -> "Notification":
        return cls(
            id=strawberry.ID(ids.encode("Notification", row.id)),
            kind=NotificationKind(row.kind),
            created_at=row.created_at,
            read_at=row.read_at,
            subject=subject,
        )


async def present_notifications(
    context: Context, rows: Sequence[models.Notification], selection: Selection
) -> list[Notification]:
    """Notices with what they are about, in a constant number of statements."""
    subjects: dict[UUID, Node] = {}
    if "subject" in selection:
        below = selection["subject"]
        about = {"Review": set[UUID](), "Order": set[UUID]()}
        for row in rows:
            about[row.subject_type].add(row.subject_id)
        reviews = list((await reviews_lookup.by_ids(context.viewer, about["Review"])).values())
        shown = await present_reviews(context, reviews, below)
        subjects |= dict(zip((row.id for row in reviews), shown, strict=True))
        own = list((await orders.by_ids(context.viewer, about["Order"])).values())
        seen = await present_orders(context, own, below)
        subjects |= dict(zip((row.id for row in own), seen, strict=True))
    return [Notification.from_row(row, subjects.get(row.subject_id)) for row in rows]
