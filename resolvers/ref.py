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

    def id_in(self, table: str, *, if_it_is: Condition | None = None) -> Condition:
        """The id of the referenced row, as an SQL expression.

        NULL if it is not also the row with the id `if_it_is`.
        """
        if if_it_is is not None:
            named = self.names(table)
            text = f"(SELECT id FROM {table} WHERE {named.text} AND {table}.id = {if_it_is.text})"
            return Condition(text, (*named.values, *if_it_is.values))
        if self.id is not None:
            return Condition("?", (self.id,))
        return Condition(f"(SELECT id FROM {table} WHERE external_id = ?)", (self.external_id,))
