"""Notifications in the app."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

import models
from resolvers import notifications
from resolvers.notifications import NotificationKind
from schema import ids
from schema.context import Context
from schema.enums import describe_enum
from schema.fetch import fetch, presenter
from schema.node import Node
from schema.selection import Selection

describe_enum(NotificationKind, "What a notice tells of.", **notifications.DESCRIPTIONS)


@strawberry.type(description="A notice in your inbox of the app: one per event and person.")
class Notification(Node):
    kind: NotificationKind = strawberry.field(description="What it tells of.")
    message: str = strawberry.field(
        description="A sentence that tells it, in the language of Accept-Language if Candor has it,"
        " else in English; also when the subject is gone."
    )
    created_at: datetime = strawberry.field(description="When it appeared.")
    read_at: datetime | None = strawberry.field(description="When you read it; null before.")
    subject: Node | None = strawberry.field(
        description="What it is about; null when you may not see that (any more)."
    )

    @classmethod
    def from_row(
        cls, row: models.Notification, subject: Node | None, language: str
    ) -> "Notification":
        return cls(
            id=strawberry.ID(ids.encode("Notification", row.id)),
            kind=NotificationKind(row.kind),
            message=notifications.message(row.kind, language),
            created_at=row.created_at,
            read_at=row.read_at,
            subject=subject,
        )


@presenter("Notification", notifications.by_ids)
async def present_notifications(
    context: Context, rows: Sequence[models.Notification], selection: Selection
) -> list[Notification]:
    """Notifications with their subjects, in a constant number of statements."""
    subjects: dict[UUID, Node | None] = {}
    if "subject" in selection:
        about = list({(row.subject_type, row.subject_id) for row in rows})
        nodes = await fetch(context, about, selection["subject"])
        subjects = {key: node for (_, key), node in zip(about, nodes, strict=True)}
    return [
        Notification.from_row(row, subjects.get(row.subject_id), context.language) for row in rows
    ]
