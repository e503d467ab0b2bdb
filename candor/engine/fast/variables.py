"""Variables of an operation as their types say, where they are plainly right.

Every other value is handed on: graphql-core decides whether it is right all the same.
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
    """A variable that an operation declares. One that may be absent has no default."""

    name: str
    signature: GraphQLVariableSignature
    coerce: Coerce
    may_be_absent: bool


def variables_of(schema: GraphQLSchema, node: OperationDefinitionNode) -> list[Variable]:
    """The variables of a valid operation."""
    signatures = [get_variable_signature(schema, each) for each in node.variable_definitions or ()]
    # Validation has refused variables of other types than inputs.
    return [_variable(each) for each in signatures if not isinstance(each, GraphQLError)]


def _variable(signature: GraphQLVariableSignature) -> Variable:
    optional = signature.default is None and not is_non_null_type(signature.type)
    return Variable(signature.name, signature, _coercer(signature.type), optional)


def coerced(variables: list[Variable], given: dict[str, Any]) -> VariableValues:
    """The values of an operation's variables. Raises HandOn, or GraphQLError, for all but plain."""
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
    """What coerces plain values of a type. It raises HandOn, or GraphQLError, for others."""
    if is_non_null_type(type_):
        return _present(type_.of_type)
    present = _present(type_)
    return lambda value: None if value is None else present(value)


def _present(type_: Any) -> Coerce:
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

    def plain(value: Any) -> Any:
        if type(value) is not expected:
            raise HandOn
        return value

    def by_the_book(value: Any) -> Any:
        found = Undefined if value is None else coerce_input_value(value, type_)
        if found is Undefined:
            raise HandOn
        return found

    return plain if expected else by_the_book


def _int(value: Any) -> int:
    if type(value) is int and -0x80000000 <= value < 0x80000000:
        return value
    raise HandOn


def _has_literals(type_: GraphQLInputObjectType) -> bool:
    """Whether defaults are written in GraphQL, and to be coerced themselves."""
    return any(field.default is not None for field in type_.fields.values())


class _InputObject:
    """Coerces the values of one input type.

    It asks for the type's fields when it first needs them: an input may hold itself.
    """

    def __init__(self, type_: GraphQLInputObjectType) -> None:
        self._type = type_

    def __call__(self, value: Any) -> Any:
        if type(value) is not dict or not self._required <= value.keys():
            raise HandOn
        found = self._absent.copy()
        for name, item in value.items():
            known = self._fields.get(name)
            if known is None:
                raise HandOn
            coerce, out_name = known
            found[out_name] = coerce(item)
        return self._type.out_type(found)

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
        """What stands for fields that are not given."""
        return {
            field.out_name or name: field.default_value
            for name, field in self._type.fields.items()
            if field.default_value is not Undefined
        }
