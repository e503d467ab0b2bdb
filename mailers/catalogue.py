"""Every mail by its permanent name: what it is for, and how long it is worth sending.

A name outlives deployments: rows of the outbox carry it. It is never renamed, only replaced.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Category(StrEnum):
    """What a person may decline: mails that ask for something. The others answer an act."""

    REMINDERS = "REMINDERS"
    FOLLOW_UPS = "FOLLOW_UPS"
    RATING_REQUESTS = "RATING_REQUESTS"


@dataclass(frozen=True)
class Kind:
    """How the outbox treats a mail."""

    # How long after it was due the mail still makes sense.
    expires_after: timedelta
    # Mails of a category carry List-Unsubscribe and respect the opt-out.
    category: Category | None = None
    # What to do when a server fell silent after the whole mail was handed over: send once more
    # (the loss would hurt), or hold it for an admin (a second copy would).
    resend_when_uncertain: bool = True
    # Whether the recipient also finds a notice in the app.
    notifies: bool = True
    # A moment to take the cause back before the mail leaves.
    grace: timedelta = timedelta()


_DAY = timedelta(days=1)

CATALOGUE: dict[str, Kind] = {
    "review.received": Kind(expires_after=3 * _DAY),
    "review.replied": Kind(expires_after=3 * _DAY),
    "review.published": Kind(expires_after=3 * _DAY),
    "review.rejected": Kind(expires_after=3 * _DAY),
    "review.reminder": Kind(
        expires_after=30 * _DAY, category=Category.REMINDERS, resend_when_uncertain=False
    ),
    "rating.promoter": Kind(
        expires_after=_DAY, category=Category.FOLLOW_UPS, resend_when_uncertain=False
    ),
    "rating.detractor": Kind(
        expires_after=_DAY, category=Category.FOLLOW_UPS, resend_when_uncertain=False
    ),
    "rating.alert": Kind(expires_after=_DAY),
    "update.solved": Kind(expires_after=_DAY, grace=timedelta(seconds=30)),
    "update.rating_request": Kind(
        expires_after=3 * _DAY, category=Category.RATING_REQUESTS, resend_when_uncertain=False
    ),
    "note.from_customer": Kind(expires_after=3 * _DAY),
    "note.from_staff": Kind(expires_after=3 * _DAY),
}
