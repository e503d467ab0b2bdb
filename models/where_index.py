"""An index that covers some of a table's rows, with the same condition on both databases."""

from typing import Any

from tortoise.indexes import Index


class WhereIndex(Index):
    """A partial index with a condition in SQL: Tortoise's own PartialIndex knows equality only."""

    def __init__(
        self,
        *expressions: Any,
        fields: Any = None,
        name: str | None = None,
        where: str = "",
    ) -> None:
        super().__init__(*expressions, fields=fields, name=name)
        self.where = where
        if where:
            self.extra = f" WHERE {where}"

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        path, args, kwargs = super().deconstruct()
        if self.where:
            kwargs["where"] = self.where
        return path, args, kwargs
