"""A field's arguments as its resolver gets them: coerced by graphql-core, then converted."""

from typing import Any

from graphql import FieldNode, GraphQLField, Node, VariableNode, get_argument_values
from graphql.execution import VariableValues
from strawberry.types.arguments import convert_arguments


def bound_arguments(
    schema: Any, definition: GraphQLField, node: FieldNode, variables: VariableValues
) -> dict[str, Any]:
    """The keyword arguments of a resolver. Raises GraphQLError for what cannot be coerced.

    Arguments without a variable are computed once and kept on their syntax node, together with the
    field: a fragment on an interface names fields of several types. Resolvers do not change their
    arguments.
    """
    field, kept = node.__dict__.get("candor_arguments", (None, None))
    if field is definition:
        return kept  # type: ignore[no-any-return]
    strawberry_schema = schema._strawberry_schema
    arguments = convert_arguments(
        get_argument_values(definition, node, variables),
        definition.extensions["strawberry-definition"].arguments,
        strawberry_schema.schema_converter.scalar_registry,
        strawberry_schema.config,
    )
    if not any(_names_variable(argument.value) for argument in node.arguments or ()):
        node.__dict__["candor_arguments"] = definition, arguments
    return arguments


def _names_variable(value: Node) -> bool:
    if isinstance(value, VariableNode):
        return True
    inner = [*getattr(value, "values", ()), *(f.value for f in getattr(value, "fields", ()))]
    return any(map(_names_variable, inner))
