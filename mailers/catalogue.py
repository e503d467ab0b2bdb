"""Every kind of mail: its notification, its category, and for how long it is worth sending.

A kind is never renamed: rows of the outbox carry it.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Category(StrEnum):
    """What a person may decline: mails that ask for something. Other mails answer an act."""

    REMINDERS = "REMINDERS"
    FOLLOW_UPS = "FOLLOW_UPS"
    RATING_REQUESTS = "RATING_REQUESTS"


@dataclass(frozen=True)
class Kind:
    """How the outbox treats a mail."""

    # Description of the mail's notification in the schema.
    notification: str
    # How long after it was due the mail is still worth sending.
    expires_after: timedelta
    # Mails of a category carry List-Unsubscribe and respect opt-outs.
    category: Category | None = None
    # If the server does not respond to the whole text: send it again (a loss would hurt more), or
    # hold it for an admin (a second copy would).
    resend_when_uncertain: bool = True
    # Delay in which the cause can still be undone.
    grace: timedelta = timedelta()


_DAY = timedelta(days=1)

CATALOGUE: dict[str, Kind] = {
    "review.received": Kind(
        "To the vendor: a review of one of your services is public.", expires_after=3 * _DAY
    ),
    "review.replied": Kind(
        "To the customer: the vendor answered your review.", expires_after=3 * _DAY
    ),
    "review.published": Kind("To the customer: your review was approved.", expires_after=3 * _DAY),
    "review.rejected": Kind(
        "To the customer: your review was rejected; it holds the reason.", expires_after=3 * _DAY
    ),
    "review.reminder": Kind(
        "To the customer: a completed order can be reviewed.",
        expires_after=30 * _DAY,
        category=Category.REMINDERS,
        resend_when_uncertain=False,
    ),
    "update.solved": Kind(
        "To the customer: an update of your order was solved; you can rate it.",
        expires_after=_DAY,
        grace=timedelta(seconds=30),
    ),
    "update.rating_request": Kind(
        "To the customer: a solved update waits for your rating.",
        expires_after=3 * _DAY,
        category=Category.RATING_REQUESTS,
        resend_when_uncertain=False,
    ),
    "rating.promoter": Kind(
        "To the customer: thanks for 4 or 5 stars.",
        expires_after=_DAY,
        category=Category.FOLLOW_UPS,
        resend_when_uncertain=False,
    ),
    "rating.detractor": Kind(
        "To the customer: an answer to 1 to 3 stars.",
        expires_after=_DAY,
        category=Category.FOLLOW_UPS,
        resend_when_uncertain=False,
    ),
    "rating.alert": Kind(
        "To the admins: an update was rated with 1 to 3 stars.", expires_after=_DAY
    ),
    "note.from_customer": Kind(
        "To the assignee: the customer wrote under an update.", expires_after=3 * _DAY
    ),
    "note.from_staff": Kind(
        "To the customer: the team wrote under an update.", expires_after=3 * _DAY
    ),
}

# The one notification without a mail.
MAIL_REFUSED = "mail.refused"
# Every kind of notification, with its description in the schema.
NOTIFICATIONS: dict[str, str] = {
    **{name: kind.notification for name, kind in CATALOGUE.items()},
    MAIL_REFUSED: "To the admins: the relay refuses our mails, see its `lastError`. One a day.",
}
