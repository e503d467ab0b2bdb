"""A field's arguments as its resolver gets them: coerced by graphql-core, then converted.

What depends on no variable is computed once, and kept. Resolvers do not change their arguments.
"""

from collections.abc import Callable, Iterator
from dataclasses import MISSING
from functools import cache, cached_property, partial
from typing import Any, NamedTuple

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLInputObjectType,
    Node,
    VariableNode,
    get_argument_values,
    get_nullable_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution import VariableValues
from strawberry.types.arguments import convert_argument, convert_arguments
from strawberry.types.base import StrawberryMaybe, StrawberryType

from candor.engine.fast.hand_on import HandOn

Convert = Callable[[Any], Any]
_NO_VARIABLES = VariableValues({}, {})


class Arguments:
    """The arguments of one field at one place of a document."""

    def __init__(self, schema: Any, definition: GraphQLField, node: FieldNode) -> None:
        self._schema = schema
        self._definition = definition
        self._node = node

    def bound(self, variables: VariableValues) -> dict[str, Any]:
        """The keyword arguments of the resolver. Raises GraphQLError for what is not coerced."""
        if self._binding is not None:
            bound = self._binding.bind(variables.coerced)
            if bound is not None:
                return bound
        return _bound(self._schema, self._definition, self._node, variables)

    @cached_property
    def _binding(self) -> "_Binding | None":
        return _binding(self._schema, self._definition, self._node)

    @cached_property
    def variables(self) -> set[str]:
        """The variables that they name."""
        return {
            name for argument in self._node.arguments or () for name in variables_in(argument.value)
        }


class _Fed(NamedTuple):
    """An argument whose value is one variable's."""

    name: str
    variable: str
    nullable: bool
    convert: Convert
    # What the resolver gets when the variable is not given: a default, or nothing. None where it
    # must be given.
    absent: dict[str, Any] | None


class _Binding(NamedTuple):
    """The arguments at one syntax node."""

    constant: dict[str, Any]
    fed: list[_Fed]

    def bind(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments with these variables; None where graphql-core has something to say."""
        bound = self.constant
        if self.fed:
            bound = bound.copy()
        for name, variable, nullable, convert, absent in self.fed:
            if variable in given:
                value = given[variable]
                if value is None and not nullable:
                    return None
                bound[name] = convert(value)
            elif absent is None:
                return None
            else:
                bound |= absent
        return bound


def _binding(schema: Any, definition: GraphQLField, node: FieldNode) -> _Binding | None:
    """None where a variable stands inside a list or an object: that is bound by the book."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    fed = {name: v.name.value for name, v in given.items() if isinstance(v, VariableNode)}
    if any(names_variable(value) for name, value in given.items() if name not in fed):
        return None

    def alone(*names: str) -> dict[str, Any]:
        part = GraphQLField(definition.type, {name: definition.args[name] for name in names})
        part.extensions = definition.extensions
        return _bound(schema, part, node, _NO_VARIABLES)

    found = []
    for name, variable in fed.items():
        argument = definition.args[name]
        own = _own_argument(schema, definition, name)
        nullable = not is_non_null_type(argument.type)
        absent = None if is_required_argument(argument) else alone(name)
        convert = _converter(schema, argument.type, own.type)
        found.append(_Fed(own.python_name, variable, nullable, convert, absent))
    return _Binding(alone(*(definition.args.keys() - fed.keys())), found)


def _bound(
    schema: Any, definition: GraphQLField, node: FieldNode, variables: VariableValues
) -> dict[str, Any]:
    """As Strawberry does it."""
    values = get_argument_values(definition, node, variables)
    return convert_arguments(values, _arguments(definition), *_conventions(schema))


def _arguments(definition: GraphQLField) -> Any:
    return definition.extensions["strawberry-definition"].arguments


def _conventions(schema: Any) -> tuple[Any, Any]:
    own = schema._strawberry_schema
    return own.schema_converter.scalar_registry, own.config


def _own_argument(schema: Any, definition: GraphQLField, name: str) -> Any:
    """Strawberry's argument of a GraphQL name."""
    names = schema._strawberry_schema.config.name_converter
    return next(each for each in _arguments(definition) if names.from_argument(each) == name)


def _converter(schema: Any, type_: Any, own_type: StrawberryType | type) -> Convert:
    """What turns a coerced value of a type into what resolvers get, as Strawberry would."""
    try:
        return _known_converter(type_)
    except HandOn:  # Strawberry converts values of this type itself
        registry, config = _conventions(schema)
        return partial(convert_argument, type_=own_type, scalar_registry=registry, config=config)


def _known_converter(type_: Any) -> Convert:
    inner = get_nullable_type(type_)
    if is_leaf_type(inner):
        return _as_it_is
    if is_list_type(inner):
        each = _known_converter(inner.of_type)
        return lambda values: None if values is None else [each(value) for value in values]
    if is_input_object_type(inner):
        return _input_converter(inner)
    raise HandOn


def _as_it_is(value: Any) -> Any:
    return value


@cache
def _input_converter(type_: GraphQLInputObjectType) -> Convert:
    definition = type_.extensions["strawberry-definition"]
    if definition.from_input is not None:
        raise HandOn
    fields = []
    for name, field in type_.fields.items():
        own = field.extensions["strawberry-definition"]
        if isinstance(own.resolve_type(type_definition=definition), StrawberryMaybe):
            raise HandOn
        fields.append((name, own.python_name, _known_converter(field.type)))
    # Strawberry, too, gives None to fields that were left out and have no default of their own.
    empty = {
        own.python_name: None
        for own in definition.fields
        if own.default_value is MISSING and own.default_factory is MISSING
    }

    def convert(value: Any) -> Any:
        if value is None:
            return None
        given = {python: each(value[name]) for name, python, each in fields if name in value}
        return definition.origin(**(empty | given))

    return convert


def names_variable(value: Node) -> bool:
    """Whether a variable stands anywhere in a value."""
    return any(True for _ in variables_in(value))


def variables_in(value: Node) -> Iterator[str]:
    """The names of the variables in a value."""
    if isinstance(value, VariableNode):
        yield value.name.value
    for inner in (*getattr(value, "values", ()), *(f.value for f in getattr(value, "fields", ()))):
        yield from variables_in(inner)
