r"""Limits on the size of a body, by its sender, checked before the body is read.

Every documented maximum fits in variables, even if each character is escaped in twelve bytes
(`\ud801\udc00`). Anonymous callers have the smallest limit. Callers with a token, a key or a link
can be charged for large bodies, and be refused.
"""

from models.api_key import Scope
from resolvers.viewer import Role, Viewer

# For anonymous callers, and for the text of everybody's operation.
MAX_BODY = 200_000
# A text of 20,000 characters (review, reply, note or comment), with the rest of its input.
MAX_TEXT = 300_000
# 100 decisions of a moderator with notes of 2,000 characters.
MAX_DECISIONS = 2_600_000
# 500 members of the team.
MAX_TEAM = 4_500_000
# A feed of 500 orders.
MAX_FEED = 28_000_000


def largest_body(viewer: Viewer) -> int:
    """The most bytes that a request of this caller may have."""
    if Scope.ORDERS_WRITE in viewer.scopes:
        return MAX_FEED
    if viewer.is_admin or viewer.writes_team:
        return MAX_TEAM
    if viewer.moderates:
        return MAX_DECISIONS
    return MAX_BODY if viewer.role is Role.ANONYMOUS else MAX_TEXT


def largest_message(viewer: Viewer) -> int:
    """The most bytes that a socket's message may have: feeds and decisions go over HTTP."""
    return min(largest_body(viewer), MAX_TEXT)
