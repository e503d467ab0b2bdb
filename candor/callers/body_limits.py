r"""How large a body may be: judged by who sends it, before anything of it is read.

Every documented maximum fits, with each character escaped in twelve octets (`\ud801\udc00`), as
variables. Whoever is unknown has the least, for anybody can be that; who came by a token, a key or
a link has a name that pays for what is long, and can be turned away.
"""

from models.api_key import Scope
from resolvers.viewer import Role, Viewer

# Of those who are unknown, and of everybody's operation itself.
MAX_BODY = 200_000
# A review, a reply, a note or a comment of 20,000 characters, with what stands beside it.
MAX_TEXT = 300_000
# 100 decisions of an admin with notes of 2,000 characters.
MAX_DECISIONS = 2_600_000
# 500 orders of a back end that may write them.
MAX_FEED = 28_000_000


def largest_body(viewer: Viewer) -> int:
    """The octets of one request of this caller."""
    if Scope.ORDERS_WRITE in viewer.scopes:
        return MAX_FEED
    if viewer.is_admin:
        return MAX_DECISIONS
    return MAX_BODY if viewer.role is Role.ANONYMOUS else MAX_TEXT


def largest_message(viewer: Viewer) -> int:
    """The octets of one message on a socket: what is larger than a text goes over HTTP."""
    return min(largest_body(viewer), MAX_TEXT)
