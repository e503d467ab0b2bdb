"""Every mail by its permanent name: what it is for, and how long it is worth sending.

A name outlives deployments: rows of the outbox carry it. It is never renamed, only replaced.
"""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Kind:
    """How the outbox treats a mail."""

    # How long after it was due the mail still makes sense.
    expires_after: timedelta
    # Feedback mails carry List-Unsubscribe and respect the opt-out; the others answer an act.
    feedback: bool = False
    # What to do when a server fell silent after the whole mail was handed over: send once more
    # (the loss would hurt), or hold it for an admin (a second copy would).
    resend_when_uncertain: bool = True
    # Whether the recipient also finds a notice in the app.
    notifies: bool = True


CATALOGUE: dict[str, Kind] = {
    "review.received": Kind(expires_after=timedelta(days=3)),
    "review.replied": Kind(expires_after=timedelta(days=3)),
    "review.published": Kind(expires_after=timedelta(days=3)),
    "review.rejected": Kind(expires_after=timedelta(days=3)),
    "review.reminder": Kind(
        expires_after=timedelta(days=30), feedback=True, resend_when_uncertain=False
    ),
    "rating.promoter": Kind(
        expires_after=timedelta(days=1), feedback=True, resend_when_uncertain=False
    ),
    "rating.detractor": Kind(
        expires_after=timedelta(days=1), feedback=True, resend_when_uncertain=False
    ),
    "rating.alert": Kind(expires_after=timedelta(days=1)),
    "update.solved": Kind(expires_after=timedelta(days=1)),
    "update.rating_request": Kind(
        expires_after=timedelta(days=3), feedback=True, resend_when_uncertain=False
    ),
    "note.from_customer": Kind(expires_after=timedelta(days=3)),
    "note.from_staff": Kind(expires_after=timedelta(days=3)),
}
