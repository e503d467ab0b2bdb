"""Objects of an input type made straight from GraphQL's values, for inputs of many rows.

Strawberry resolves the type and the name of every field of every row again, which is most of the
time that a feed of 500 orders takes.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from functools import cache
from typing import Any

from strawberry.types import get_object_definition
from strawberry.types.arguments import InputContext
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.utils.str_converters import to_camel_case

Values = Mapping[str, Any]
Read = Callable[[Any], Any]


def read_plainly(input_type: Any) -> Any:
    """A decorator of an input type: its values, and those of inputs in it, are read that way.

    Fields are leaves, inputs and lists of them.
    """
    definition = get_object_definition(input_type, strict=True)
    definition.from_input = _of_strawberry
    return input_type


def _of_strawberry(input_type: type, values: Values, _context: InputContext) -> Any:
    return _reader(input_type)(values)


@cache
def _reader(input_type: type) -> Read:
    definition = get_object_definition(input_type, strict=True)
    fields = [
        (
            field.graphql_name or to_camel_case(field.python_name),
            field.python_name,
            _convert(field.resolve_type(type_definition=definition)),
        )
        for field in definition.fields
    ]
    # Nullable fields without a default, as Strawberry gives them.
    absent = {
        field.python_name: None
        for field in definition.fields
        if field.default is MISSING and field.default_factory is MISSING
    }

    def read(values: Values) -> Any:
        given = {
            python_name: convert(values[name]) if convert else values[name]
            for name, python_name, convert in fields
            if name in values
        }
        return input_type(**{**absent, **given})

    return read


def _convert(type_: Any) -> Read | None:
    """A function for the values of a field; None for leaves, which stay as they are."""
    if isinstance(type_, StrawberryOptional):
        inner = _convert(type_.of_type)
        return inner and (lambda value: None if value is None else inner(value))
    if isinstance(type_, StrawberryList):
        each = _convert(type_.of_type)
        return (lambda values: [each(value) for value in values]) if each else list
    return _reader(type_) if get_object_definition(type_) else None
