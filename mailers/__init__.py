"""The door of the mails: all that resolvers may use of this package."""

from mailers.catalogue import CATALOGUE, NOTIFICATIONS
from mailers.letters.sentences import message, stars_in_words
from mailers.outbox.admin_actions import cancel, retry
from mailers.outbox.promise import (
    SWITCHED_OFF,
    Addressee,
    deliver_later,
    do_not_promise,
    gather_later,
    mail_later,
    notify,
    readdress,
    withdraw,
    withdraw_all,
    withdraw_from_team,
)
from mailers.outbox.switches import move_reminders, switch_off, switch_on

__all__ = [
    "CATALOGUE",
    "NOTIFICATIONS",
    "SWITCHED_OFF",
    "Addressee",
    "cancel",
    "deliver_later",
    "do_not_promise",
    "gather_later",
    "mail_later",
    "message",
    "move_reminders",
    "notify",
    "readdress",
    "retry",
    "stars_in_words",
    "switch_off",
    "switch_on",
    "withdraw",
    "withdraw_all",
    "withdraw_from_team",
]
