"""What Candor says: every mail and notice. Resolvers know this door and nothing behind it."""

from mailers.outbox.admin_actions import cancel, retry
from mailers.outbox.promise import Addressee, deliver_later, readdress, withdraw

__all__ = ["Addressee", "cancel", "deliver_later", "readdress", "retry", "withdraw"]
