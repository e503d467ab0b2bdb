"""What Candor says: every mail and notice. Resolvers know this door and nothing behind it."""

from mailers.catalogue import NOTICES
from mailers.outbox.admin_actions import cancel, retry
from mailers.outbox.promise import (
    Addressee,
    deliver_later,
    readdress,
    withdraw,
    withdraw_all,
)

__all__ = [
    "NOTICES",
    "Addressee",
    "cancel",
    "deliver_later",
    "readdress",
    "retry",
    "withdraw",
    "withdraw_all",
]
