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
    # The notification's sentence for who reads it, also when its subject is gone.
    message: str
    # How long after it was due the mail is still worth sending.
    expires_after: timedelta
    # Mails of a category carry List-Unsubscribe and respect opt-outs.
    category: Category | None = None
    # If the server does not respond to the whole text: send it again (a loss would hurt more), or
    # hold it for an admin (a second copy would).
    resend_when_uncertain: bool = True
    # Delay in which the cause can still be undone.
    grace: timedelta = timedelta()
    # One mail tells of all that happened since the last one.
    is_gathered: bool = False


_DAY = timedelta(days=1)

CATALOGUE: dict[str, Kind] = {
    "review.received": Kind(
        "To the vendor: a review of one of your services is public.",
        "A customer reviewed one of your services.",
        expires_after=3 * _DAY,
    ),
    "review.replied": Kind(
        "To the customer: the vendor answered your review.",
        "The vendor answered your review.",
        expires_after=3 * _DAY,
    ),
    "review.published": Kind(
        "To the customer: your review was approved.",
        "Your review was approved and became public.",
        expires_after=3 * _DAY,
    ),
    "review.rejected": Kind(
        "To the customer: your review was rejected; it holds the reason.",
        "Your review was not published.",
        expires_after=3 * _DAY,
    ),
    "review.edit_rejected": Kind(
        "To the customer: your edit of a public review was rejected; the mail holds the reason.",
        "Your changes to a review were not published.",
        expires_after=3 * _DAY,
    ),
    "review.withdrawn": Kind(
        "To the customer: your review, which was public, is so no longer.",
        "Your review is no longer public.",
        expires_after=3 * _DAY,
    ),
    "review.deleted": Kind(
        "To the customer: an admin deleted your review.",
        "Your review was deleted.",
        expires_after=3 * _DAY,
    ),
    "review.edited": Kind(
        "To the vendor: the author changed a public review.",
        "A customer changed a review of one of your services.",
        expires_after=3 * _DAY,
    ),
    "review.edited_by_admin": Kind(
        "To the customer: an admin changed your review.",
        "The team changed your review.",
        expires_after=3 * _DAY,
    ),
    "review.pending": Kind(
        "To moderators and admins: a review waits for a decision.",
        "A review waits for a decision.",
        expires_after=3 * _DAY,
        is_gathered=True,
    ),
    "reply.deleted": Kind(
        "To the vendor: an admin deleted your reply to a review.",
        "Your reply to a review was deleted.",
        expires_after=3 * _DAY,
    ),
    "review.reminder": Kind(
        "To the customer: a completed order can be reviewed.",
        "Your order is complete: you can review it.",
        expires_after=30 * _DAY,
        category=Category.REMINDERS,
        resend_when_uncertain=False,
    ),
    "update.solved": Kind(
        "To the customer: an update of your order was solved; you can rate it.",
        "A question about your order was solved: you can rate that.",
        expires_after=_DAY,
        grace=timedelta(seconds=30),
    ),
    "update.rating_request": Kind(
        "To the customer: a solved update waits for your rating.",
        "How did we do? Your rating of our answer is still missing.",
        expires_after=3 * _DAY,
        category=Category.RATING_REQUESTS,
        resend_when_uncertain=False,
    ),
    "update.opened": Kind(
        "To the team: a customer opened an update.",
        "A customer opened an update of an order.",
        expires_after=3 * _DAY,
    ),
    "update.assigned": Kind(
        "To the assignee: an update was assigned to you.",
        "An update was assigned to you.",
        expires_after=3 * _DAY,
        grace=timedelta(seconds=30),
    ),
    "update.still_has_issue": Kind(
        "To the assignee, else the team: the customer still has an issue.",
        "A customer still has an issue with a solved update.",
        expires_after=3 * _DAY,
    ),
    "update.rated": Kind(
        "To the assignee, else who solved it: the customer rated an update.",
        "A customer rated an update that you took care of.",
        expires_after=3 * _DAY,
    ),
    "rating.promoter": Kind(
        "To the customer: thanks for 4 or 5 stars.",
        "Thank you for your good rating.",
        expires_after=_DAY,
        category=Category.FOLLOW_UPS,
        resend_when_uncertain=False,
    ),
    "rating.detractor": Kind(
        "To the customer: an answer to 1 to 3 stars.",
        "Thank you for telling us that we fell short.",
        expires_after=_DAY,
        category=Category.FOLLOW_UPS,
        resend_when_uncertain=False,
    ),
    "rating.alert": Kind(
        "To the admins: an update was rated with 1 to 3 stars.",
        "A customer rated an update with 1 to 3 stars.",
        expires_after=_DAY,
    ),
    "note.from_customer": Kind(
        "To the assignee, else the team: the customer wrote under an update.",
        "A customer wrote about an order.",
        expires_after=3 * _DAY,
    ),
    "note.from_staff": Kind(
        "To the customer: the team wrote under an update.",
        "The team wrote to you about your order.",
        expires_after=3 * _DAY,
    ),
}
GATHERED = {name for name, kind in CATALOGUE.items() if kind.is_gathered}

# The one notification without a mail.
MAIL_REFUSED = "mail.refused"
# Every kind of notification, with its description in the schema.
NOTIFICATIONS: dict[str, str] = {
    **{name: kind.notification for name, kind in CATALOGUE.items()},
    MAIL_REFUSED: "To the admins: the relay refuses our mails, see its `lastError`. One a day.",
}
MESSAGES: dict[str, str] = {
    **{name: kind.message for name, kind in CATALOGUE.items()},
    MAIL_REFUSED: "The mail server refuses our mails.",
}
