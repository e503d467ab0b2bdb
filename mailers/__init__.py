"""The door of the mails: all that resolvers may use of this package."""

from mailers.catalogue import CATALOGUE, NOTIFICATIONS
from mailers.letters.sentences import message
from mailers.outbox.admin_actions import cancel, retry
from mailers.outbox.promise import (
    Addressee,
    deliver_later,
    gather_later,
    mail_later,
    notify,
    readdress,
    withdraw,
    withdraw_all,
)

__all__ = [
    "CATALOGUE",
    "NOTIFICATIONS",
    "Addressee",
    "cancel",
    "deliver_later",
    "gather_later",
    "mail_later",
    "message",
    "notify",
    "readdress",
    "retry",
    "withdraw",
    "withdraw_all",
]
