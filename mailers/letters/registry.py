"""Which function writes each kind of mail, and which reads the rows for it."""

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any
from uuid import UUID

from mailers.letters import review_mailer, update_mailer
from mailers.mail import Mail, Skipped

# Takes the site, the id of the row that the mail is about, and the promise's own parameters.
Mailer = Callable[..., Coroutine[Any, Any, Mail | Skipped]]
# Takes ids of rows that mails are about; returns those that exist, for `Site.rows`.
Reader = Callable[[list[UUID]], Awaitable[dict[UUID, Any]]]

_MAILERS: dict[Reader, dict[str, Mailer]] = {
    review_mailer.reviews: {
        "review.received": review_mailer.received,
        "review.replied": review_mailer.replied,
        "review.published": review_mailer.published,
        "review.rejected": review_mailer.rejected,
        "review.edit_rejected": review_mailer.edit_rejected,
        "review.withdrawn": review_mailer.withdrawn,
        "review.deleted": review_mailer.deleted,
        "review.edited": review_mailer.edited,
        "review.edited_by_admin": review_mailer.edited_by_admin,
        "reply.deleted": review_mailer.reply_deleted,
    },
    review_mailer.waiting: {
        "review.pending": review_mailer.pending,
    },
    review_mailer.orders: {
        "review.reminder": review_mailer.reminder,
    },
    update_mailer.updates: {
        "rating.promoter": update_mailer.promoter,
        "rating.detractor": update_mailer.detractor,
        "rating.alert": update_mailer.alert,
        "update.solved": update_mailer.solved,
        "update.rating_request": update_mailer.rating_request,
        "update.opened": update_mailer.opened,
        "update.assigned": update_mailer.assigned,
        "update.still_has_issue": update_mailer.still_has_issue,
        "update.rated": update_mailer.rated,
        "note.from_customer": update_mailer.note_from_customer,
        "note.from_staff": update_mailer.note_from_staff,
    },
}
MAILERS = {kind: write for mailers in _MAILERS.values() for kind, write in mailers.items()}
_READERS = {kind: reader for reader, mailers in _MAILERS.items() for kind in mailers}
ABOUT_REVIEWS = tuple(_MAILERS[review_mailer.reviews])


async def read(subjects: Iterable[tuple[str, UUID]]) -> dict[UUID, Any]:
    """The rows of mails (a kind and an id each), by id; None for rows that do not exist.

    One statement per type of row.
    """
    ids_by_reader: dict[Reader, dict[UUID, None]] = {}
    for kind, subject_id in subjects:
        ids_by_reader.setdefault(_READERS[kind], {})[subject_id] = None
    rows: dict[UUID, Any] = {}
    for reader, ids in ids_by_reader.items():
        rows |= dict.fromkeys(ids) | await reader(list(ids))
    return rows
