"""Which function writes which mail."""

from collections.abc import Awaitable, Callable

from mailers import review_mailer, update_mailer
from mailers.mail import Mail, Skipped

# Takes the site, the id of the row that the mail is about, and the promise's own parameters.
Mailer = Callable[..., Awaitable[Mail | Skipped]]

MAILERS: dict[str, Mailer] = {
    "review.received": review_mailer.received,
    "review.replied": review_mailer.replied,
    "review.published": review_mailer.published,
    "review.rejected": review_mailer.rejected,
    "review.reminder": review_mailer.reminder,
    "rating.promoter": update_mailer.promoter,
    "rating.detractor": update_mailer.detractor,
    "rating.alert": update_mailer.alert,
    "update.solved": update_mailer.solved,
    "update.rating_request": update_mailer.rating_request,
    "note.from_customer": update_mailer.note_from_customer,
    "note.from_staff": update_mailer.note_from_staff,
}
