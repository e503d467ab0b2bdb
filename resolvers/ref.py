"""A reference to a row: by this API's id, or by the marketplace's external id."""

from typing import NamedTuple
from uuid import UUID

from resolvers.viewer import Condition


class Ref(NamedTuple):
    """Exactly one of the two is set."""

    id: UUID | None = None
    external_id: str | None = None

    def names(self, alias: str) -> Condition:
        """The condition that the row `alias` is the referenced one."""
        if self.id is not None:
            return Condition(f"{alias}.id = ?", (self.id,))
        return Condition(f"{alias}.external_id = ?", (self.external_id,))

    def id_in(self, table: str) -> Condition:
        """The id of the referenced row, as an SQL expression."""
        if self.id is not None:
            return Condition("?", (self.id,))
        return Condition(f"(SELECT id FROM {table} WHERE external_id = ?)", (self.external_id,))
