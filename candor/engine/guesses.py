"""How often an operation looks up an order by its number, which can be guessed."""

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)

from schema.references import guesses_orders

Fragments = Mapping[str, FragmentDefinitionNode]


def guesses_of(
    schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments
) -> int:
    """How many selected fields can be used to guess orders, with fragments expanded.

    The size of the document must have been checked.
    """
    root = schema.get_root_type(operation.operation)
    return _guesses(schema, operation.selection_set, root, fragments)


def _guesses(
    schema: GraphQLSchema, selection_set: SelectionSetNode | None, type_: Any, fragments: Fragments
) -> int:
    count = 0
    for node in selection_set.selections if selection_set else ():
        if isinstance(node, FieldNode):
            definition = getattr(type_, "fields", {}).get(node.name.value)
            if definition is not None:
                inner = get_named_type(definition.type)
                count += _is_guess(definition)
                count += _guesses(schema, node.selection_set, inner, fragments)
            continue
        fragment: Any = node
        if isinstance(node, FragmentSpreadNode):
            fragment = fragments[node.name.value]
        condition = fragment.type_condition
        inner = schema.get_type(condition.name.value) if condition else type_
        count += _guesses(schema, fragment.selection_set, inner, fragments)
    return count


def _is_guess(definition: GraphQLField) -> bool:
    declared = definition.extensions.get("strawberry-definition")
    return declared is not None and guesses_orders(declared)
