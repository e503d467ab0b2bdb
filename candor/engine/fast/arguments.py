"""Binds the arguments of a field: coerced as graphql-core does, converted as Strawberry does.

Values that depend on no variable are computed once and shared: resolvers must not change them.
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
    """The arguments of one field node."""

    def __init__(self, schema: Any, definition: GraphQLField, node: FieldNode) -> None:
        self._schema = schema
        self._definition = definition
        self._node = node

    def bind(self, variables: VariableValues) -> dict[str, Any]:
        """The keyword arguments of the resolver. Raises GraphQLError if one cannot be coerced."""
        if self._binding is not None:
            bound = self._binding.bind(variables.coerced)
            if bound is not None:
                return bound
        return _bind_stock(self._schema, self._definition, self._node, variables)

    @cached_property
    def _binding(self) -> "_Binding | None":
        return _binding(self._schema, self._definition, self._node)

    @cached_property
    def variables(self) -> set[str]:
        """The names of the variables in the arguments."""
        return {
            name for argument in self._node.arguments or () for name in variables_in(argument.value)
        }


class _FromVariable(NamedTuple):
    """An argument whose value is one variable."""

    name: str
    variable: str
    nullable: bool
    convert: Convert
    # What the resolver gets if the request omits the variable: the default, or nothing. None if it
    # must not be omitted.
    absent: dict[str, Any] | None


class _Binding(NamedTuple):
    """The arguments of one field node, prepared for any variables."""

    constant: dict[str, Any]
    from_variables: list[_FromVariable]

    def bind(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """The arguments with these variables; None if graphql-core must decide."""
        bound = self.constant
        if self.from_variables:
            bound = bound.copy()
        for name, variable, nullable, convert, absent in self.from_variables:
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
    """None if a variable is inside a list or an object: then the libraries bind all of them."""
    given = {argument.name.value: argument.value for argument in node.arguments or ()}
    from_variables = {
        name: v.name.value for name, v in given.items() if isinstance(v, VariableNode)
    }
    if any(names_variable(value) for name, value in given.items() if name not in from_variables):
        return None

    def alone(*names: str) -> dict[str, Any]:
        part = GraphQLField(definition.type, {name: definition.args[name] for name in names})
        part.extensions = definition.extensions
        return _bind_stock(schema, part, node, _NO_VARIABLES)

    bindings = []
    for name, variable in from_variables.items():
        argument = definition.args[name]
        own = _strawberry_argument(schema, definition, name)
        nullable = not is_non_null_type(argument.type)
        absent = None if is_required_argument(argument) else alone(name)
        convert = _converter(schema, argument.type, own.type)
        bindings.append(_FromVariable(own.python_name, variable, nullable, convert, absent))
    return _Binding(alone(*(definition.args.keys() - from_variables.keys())), bindings)


def _bind_stock(
    schema: Any, definition: GraphQLField, node: FieldNode, variables: VariableValues
) -> dict[str, Any]:
    """Bind with graphql-core and Strawberry."""
    values = get_argument_values(definition, node, variables)
    return convert_arguments(values, _arguments(definition), *_conventions(schema))


def _arguments(definition: GraphQLField) -> Any:
    return definition.extensions["strawberry-definition"].arguments


def _conventions(schema: Any) -> tuple[Any, Any]:
    own = schema._strawberry_schema
    return own.schema_converter.scalar_registry, own.config


def _strawberry_argument(schema: Any, definition: GraphQLField, name: str) -> Any:
    """Strawberry's definition of an argument, by its GraphQL name."""
    names = schema._strawberry_schema.config.name_converter
    return next(each for each in _arguments(definition) if names.from_argument(each) == name)


def _converter(schema: Any, type_: Any, own_type: StrawberryType | type) -> Convert:
    """A function from a coerced value of a type to the value that the resolver gets."""
    try:
        return _plain_converter(type_)
    except HandOn:  # left to Strawberry
        registry, config = _conventions(schema)
        return partial(convert_argument, type_=own_type, scalar_registry=registry, config=config)


def _plain_converter(type_: Any) -> Convert:
    inner = get_nullable_type(type_)
    if is_leaf_type(inner):
        return _identity
    if is_list_type(inner):
        each = _plain_converter(inner.of_type)
        return lambda values: None if values is None else [each(value) for value in values]
    if is_input_object_type(inner):
        return _input_converter(inner)
    raise HandOn


def _identity(value: Any) -> Any:
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
        fields.append((name, own.python_name, _plain_converter(field.type)))
    # As in Strawberry, omitted fields without a default are None.
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
    """Whether a value contains a variable."""
    return any(True for _ in variables_in(value))


def variables_in(value: Node) -> Iterator[str]:
    """The names of the variables in a value."""
    if isinstance(value, VariableNode):
        yield value.name.value
    for inner in (*getattr(value, "values", ()), *(f.value for f in getattr(value, "fields", ()))):
        yield from variables_in(inner)
