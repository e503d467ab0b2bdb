"""The door of the mails: all that resolvers may use of this package."""

from mailers.catalogue import CATALOGUE, NOTIFICATIONS
from mailers.outbox.admin_actions import cancel, retry
from mailers.outbox.promise import (
    Addressee,
    deliver_later,
    readdress,
    withdraw,
    withdraw_all,
    withdraw_from_team,
)

__all__ = [
    "CATALOGUE",
    "NOTIFICATIONS",
    "Addressee",
    "cancel",
    "deliver_later",
    "readdress",
    "retry",
    "withdraw",
    "withdraw_all",
    "withdraw_from_team",
]
