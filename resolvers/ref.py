"""How a caller names a thing: by this API's id, or by the id that the marketplace gave it."""

from typing import NamedTuple
from uuid import UUID

from resolvers.viewer import Condition


class Ref(NamedTuple):
    """Exactly one of the two is set."""

    id: UUID | None = None
    external_id: str | None = None

    def names(self, alias: str) -> Condition:
        """The condition that the row `alias` is the one named."""
        if self.id is not None:
            return Condition(f"{alias}.id = ?", (self.id,))
        return Condition(f"{alias}.external_id = ?", (self.external_id,))

    def id_in(self, table: str) -> Condition:
        """The id of the row named, as a value in SQL."""
        if self.id is not None:
            return Condition("?", (self.id,))
        return Condition(f"(SELECT id FROM {table} WHERE external_id = ?)", (self.external_id,))
