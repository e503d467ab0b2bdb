"""The types of the columns of a statement's rows, which SQLite's driver does not know."""

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson
from tortoise import Tortoise, fields
from tortoise.models import Model

# Values of any other field need no conversion on either database.
_TYPES: dict[type[fields.Field[Any]], type] = {
    fields.UUIDField: uuid.UUID,
    fields.DatetimeField: datetime,
    fields.BooleanField: bool,
    fields.JSONField: dict,
}
_PLAIN = object


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


_FROM_POSTGRES: dict[type, Callable[[Any], Any]] = {dict: _json}
_FROM_SQLITE = _FROM_POSTGRES | {
    uuid.UUID: uuid.UUID,
    datetime: datetime.fromisoformat,
    bool: bool,
}


class _Plan(NamedTuple):
    """Which columns of a row are converted, and how, and which have no known type."""

    conversions: tuple[tuple[str, Callable[[Any], Any]], ...]
    unknown: tuple[str, ...]


class Types:
    """The types of a statement's columns, by their names in its rows.

    Given by models, each with the prefix of its columns, and by name for computed columns. Any
    other column has the type that all models with a column of this name agree on; if they disagree,
    TypeError is raised. A column that no model has is passed through: texts and numbers are the
    same on both databases. An id, instant or boolean raises TypeError on PostgreSQL, where it can
    be recognised, because on SQLite it would be a text or a number.
    """

    def __init__(self, *models: tuple[type[Model], str], **named: type) -> None:
        self._models, self._named = models, named
        self._plan = lru_cache(1_000)(self._make_plan)

    def __or__(self, other: "Types") -> "Types":
        return Types(*self._models, *other._models, **self._named, **other._named)

    def convert_sqlite(self, rows: Sequence[dict[str, Any]]) -> None:
        """Convert the values of the driver's rows to their types, in place."""
        if rows:
            _convert(rows, self._plan(tuple(rows[0]), sqlite=True).conversions)

    def convert_postgres(self, rows: Sequence[dict[str, Any]]) -> None:
        """The same; PostgreSQL's driver has converted everything but JSON."""
        if rows:
            conversions, unknown = self._plan(tuple(rows[0]), sqlite=False)
            for name in unknown:
                if isinstance(rows[0][name], uuid.UUID | date | bool):
                    message = f"the type of {name!r} is unknown, and SQLite needs it: types=…"
                    raise TypeError(message)
            _convert(rows, conversions)

    @cached_property
    def _by_name(self) -> dict[str, set[type]]:
        """The types of each column. Computed late: Tortoise adds foreign keys after all models."""
        types: dict[str, set[type]] = {}
        for model, prefix in self._models:
            for name, field in model._meta.fields_map.items():
                if name in model._meta.fields_db_projection:
                    types.setdefault(prefix + name, set()).add(_TYPES.get(type(field), _PLAIN))
        return types | {name: {type_} for name, type_ in self._named.items()}

    def _make_plan(self, names: tuple[str, ...], *, sqlite: bool) -> _Plan:
        by_name = _of_all_models()._by_name | self._by_name
        converters = _FROM_SQLITE if sqlite else _FROM_POSTGRES
        conversions = []
        for name in names:
            types = by_name.get(name, {_PLAIN})
            if len(types) > 1:
                message = f"{name!r} has several types: give the one it has here with types=…"
                raise TypeError(message)
            (type_,) = types
            if type_ in converters:
                conversions.append((name, converters[type_]))
        return _Plan(tuple(conversions), tuple(name for name in names if name not in by_name))


@lru_cache(1)
def _of_all_models() -> Types:
    return Types(*((model, "") for model in (Tortoise.apps or {})["models"].values()))


def _convert(
    rows: Sequence[dict[str, Any]], conversions: Iterable[tuple[str, Callable[[Any], Any]]]
) -> None:
    for name, convert in conversions:
        for row in rows:
            value = row[name]
            if value is not None:
                row[name] = convert(value)
