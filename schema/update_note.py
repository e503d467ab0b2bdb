"""Notes under an order update."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

import models
from models.person_name import public_name
from resolvers import update_notes
from resolvers.keyset import Page, PageRequest
from resolvers.viewer import Viewer
from schema import ids
from schema.context import Context
from schema.fetch import presenter
from schema.node import Node
from schema.selection import Selection


@strawberry.type(description="Who wrote a note, as the other side may know them.")
class NoteAuthor:
    display_name: str = strawberry.field(
        description="A team member's name, or the customer's first name and initial: \"Maria S.\"."
    )
    is_customer: bool = strawberry.field(
        description="Whether it is the order's customer; false for the team."
    )


@strawberry.type(
    description="What somebody wrote under an update. Internal ones exist for the team alone."
)
class Note(Node):
    body: str = strawberry.field(description="Plain text, as it was typed; escape it.")
    author: NoteAuthor = strawberry.field(description="Who wrote it.")
    internal: bool = strawberry.field(
        description="Whether it is for the team alone; always false for everybody else."
    )
    created_at: datetime = strawberry.field(description="When it was written.")

    @classmethod
    def from_row(cls, row: models.UpdateNote) -> "Note":
        from_customer = row.is_from_customer
        name = public_name(row.customer_name) if from_customer else row.author_name
        return cls(
            id=strawberry.ID(ids.encode("Note", row.id)),
            body=row.body,
            author=NoteAuthor(display_name=name or "", is_customer=from_customer),
            internal=row.internal,
            created_at=row.created_at,
        )


@presenter("Note", update_notes.by_ids)
async def present_notes(
    _context: Context, rows: Sequence[models.UpdateNote], _selection: Selection
) -> list[Note]:
    return [Note.from_row(row) for row in rows]


async def fetch_notes(
    viewer: Viewer, updates: Sequence[UUID], request: PageRequest, count: bool
) -> Sequence[Page[models.UpdateNote]]:
    """The pages of notes below several updates, for `Context.page`."""
    return await update_notes.list_notes(viewer, updates, request, count=count)
