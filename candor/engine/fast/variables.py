"""Coerces variables whose values have the exact type.

Every other value is handed on to graphql-core, which may still accept it.
"""

from collections.abc import Callable
from functools import cache, cached_property
from typing import Any, NamedTuple

from graphql import (
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    coerce_input_value,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution import VariableValues
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValueSource

from candor.engine.fast.hand_on import HandOn

Coerce = Callable[[Any], Any]
_TYPES = {GraphQLString: str, GraphQLID: str, GraphQLBoolean: bool}


class Variable(NamedTuple):
    """A variable that an operation declares. One that may be absent has no default value."""

    name: str
    signature: GraphQLVariableSignature
    coerce: Coerce
    may_be_absent: bool


def variables_of(schema: GraphQLSchema, node: OperationDefinitionNode) -> list[Variable]:
    """The variables of a valid operation."""
    signatures = [get_variable_signature(schema, each) for each in node.variable_definitions or ()]
    # Validation has refused variables whose types are no input types.
    return [_variable(each) for each in signatures if not isinstance(each, GraphQLError)]


def _variable(signature: GraphQLVariableSignature) -> Variable:
    optional = signature.default is None and not is_non_null_type(signature.type)
    return Variable(signature.name, signature, _coercer(signature.type), optional)


def coerce_variables(variables: list[Variable], given: dict[str, Any]) -> VariableValues:
    """The values of an operation's variables. Raises HandOn or GraphQLError."""
    sources: dict[str, VariableValueSource] = {}
    values: dict[str, Any] = {}
    for name, signature, coerce, may_be_absent in variables:
        if name in given:
            value = given[name]
            sources[name] = VariableValueSource(signature, value)
            values[name] = coerce(value)
        elif may_be_absent:
            sources[name] = VariableValueSource(signature)
        else:
            raise HandOn
    return VariableValues(sources, values)


def _coercer(type_: Any) -> Coerce:
    """A function that coerces exact values. It raises HandOn or GraphQLError for others."""
    if is_non_null_type(type_):
        return _non_null(type_.of_type)
    non_null = _non_null(type_)
    return lambda value: None if value is None else non_null(value)


def _non_null(type_: Any) -> Coerce:
    if is_list_type(type_):
        each = _coercer(type_.of_type)

        def coerce(value: Any) -> list[Any]:
            if type(value) is not list:
                raise HandOn
            return [each(item) for item in value]

        return coerce
    return _named(type_)


@cache
def _named(type_: Any) -> Coerce:
    if is_input_object_type(type_) and not (type_.is_one_of or _has_literals(type_)):
        return _InputObject(type_)
    if type_ is GraphQLInt:
        return _int
    expected = _TYPES.get(type_)

    def check(value: Any) -> Any:
        if type(value) is not expected:
            raise HandOn
        return value

    def coerce_by_library(value: Any) -> Any:
        values = Undefined if value is None else coerce_input_value(value, type_)
        if values is Undefined:
            raise HandOn
        return values

    return check if expected else coerce_by_library


def _int(value: Any) -> int:
    if type(value) is int and -0x80000000 <= value < 0x80000000:
        return value
    raise HandOn


def _has_literals(type_: GraphQLInputObjectType) -> bool:
    """Whether defaults are GraphQL literals, which must be coerced themselves."""
    return any(field.default is not None for field in type_.fields.values())


class _InputObject:
    """Coerces the values of one input type.

    Its fields are looked up at first use, since an input type may contain itself.
    """

    def __init__(self, type_: GraphQLInputObjectType) -> None:
        self._type = type_

    def __call__(self, value: Any) -> Any:
        if type(value) is not dict or not self._required <= value.keys():
            raise HandOn
        values = self._absent.copy()
        for name, item in value.items():
            field = self._fields.get(name)
            if field is None:
                raise HandOn
            coerce, out_name = field
            values[out_name] = coerce(item)
        return self._type.out_type(values)

    @cached_property
    def _fields(self) -> dict[str, tuple[Coerce, str]]:
        fields = self._type.fields.items()
        return {name: (_coercer(field.type), field.out_name or name) for name, field in fields}

    @cached_property
    def _required(self) -> set[str]:
        fields = self._type.fields.items()
        return {name for name, field in fields if is_required_input_field(field)}

    @cached_property
    def _absent(self) -> dict[str, Any]:
        """The default values of omitted fields."""
        return {
            field.out_name or name: field.default_value
            for name, field in self._type.fields.items()
            if field.default_value is not Undefined
        }
