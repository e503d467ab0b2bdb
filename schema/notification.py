"""Notices in the app."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

import models
from resolvers import notifications
from resolvers.notifications import NotificationKind
from schema import ids
from schema.context import Context
from schema.enums import described
from schema.fetch import fetch, presenter
from schema.node import Node
from schema.selection import Selection

described(
    NotificationKind,
    "What a notice tells of.",
    REVIEW_RECEIVED="To the vendor: a review of one of your services is public.",
    REVIEW_REPLIED="To the customer: the vendor answered your review.",
    REVIEW_PUBLISHED="To the customer: your review was approved.",
    REVIEW_REJECTED="To the customer: your review was rejected; it holds the reason.",
    REVIEW_REMINDER="To the customer: a completed order can be reviewed.",
    UPDATE_SOLVED="To the customer: an update of your order was solved; you can rate it.",
    UPDATE_RATING_REQUEST="To the customer: a solved update waits for your rating.",
    RATING_PROMOTER="To the customer: thanks for 4 or 5 stars.",
    RATING_DETRACTOR="To the customer: an answer to 1 to 3 stars.",
    RATING_ALERT="To the admins: an update was rated with 1 to 3 stars.",
    NOTE_FROM_CUSTOMER="To the assignee: the customer wrote under an update.",
    NOTE_FROM_STAFF="To the customer: the team wrote under an update.",
    MAIL_REFUSED="To the admins: the relay refuses our mails, see its `lastError`. One a day.",
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


@presenter("Notification", notifications.by_ids)
async def present_notifications(
    context: Context, rows: Sequence[models.Notification], selection: Selection
) -> list[Notification]:
    """Notices with what they are about, in a constant number of statements."""
    subjects: dict[UUID, Node | None] = {}
    if "subject" in selection:
        about = list({(row.subject_type, row.subject_id) for row in rows})
        nodes = await fetch(context, about, selection["subject"])
        subjects = {key: node for (_, key), node in zip(about, nodes, strict=True)}
    return [Notification.from_row(row, subjects.get(row.subject_id)) for row in rows]
