"""Substring search: words as typed, without wildcards."""

from models import sql
from resolvers import user_text
from resolvers.errors import Invalid
from resolvers.viewer import Condition

MAX_SEARCH = 200


def holds(column: str, search: str) -> Condition:
    """The condition that a folded column contains the words. Raises Invalid if too long."""
    words = user_text.fold(user_text.plain(search))
    if len(words) > MAX_SEARCH:
        message = f"Search for {MAX_SEARCH} characters at most."
        raise Invalid("filter", "search", message=message)
    position = "strpos" if sql.is_postgres() else "instr"
    return Condition(f"{position}({column}, ?) > 0", (words,))
