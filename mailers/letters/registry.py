"""Which function writes which mail, and which reads what it is about."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from mailers.letters import review_mailer, update_mailer
from mailers.mail import Mail, Skipped

# Takes the site, the id of the row that the mail is about, and the promise's own parameters.
Mailer = Callable[..., Awaitable[Mail | Skipped]]
# Takes ids of rows that mails are about; gives what there is of them, for `Site.known`.
Reader = Callable[[list[UUID]], Awaitable[dict[UUID, Any]]]

_MAILERS: dict[Reader, dict[str, Mailer]] = {
    review_mailer.reviews: {
        "review.received": review_mailer.received,
        "review.replied": review_mailer.replied,
        "review.published": review_mailer.published,
        "review.rejected": review_mailer.rejected,
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
        "note.from_customer": update_mailer.note_from_customer,
        "note.from_staff": update_mailer.note_from_staff,
    },
}
MAILERS = {mail: write for mailers in _MAILERS.values() for mail, write in mailers.items()}
_READERS = {mail: reader for reader, mailers in _MAILERS.items() for mail in mailers}
ABOUT_REVIEWS = tuple(_MAILERS[review_mailer.reviews])


async def read(subjects: Iterable[tuple[str, UUID]]) -> dict[UUID, Any]:
    """What these mails (a name and an id each) are about, by one question for each kind of row."""
    wanted: dict[Reader, dict[UUID, None]] = {}
    for mail, subject_id in subjects:
        wanted.setdefault(_READERS[mail], {})[subject_id] = None
    known: dict[UUID, Any] = {}
    for reader, ids in wanted.items():
        known |= dict.fromkeys(ids) | await reader(list(ids))
    return known
