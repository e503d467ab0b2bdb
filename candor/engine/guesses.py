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
    """The fields that are declared so, with fragments written out, of a document whose size was
    checked.
    """
    root = schema.get_root_type(operation.operation)
    return _guesses(schema, operation.selection_set, root, fragments)


def _guesses(
    schema: GraphQLSchema, selection_set: SelectionSetNode | None, type_: Any, fragments: Fragments
) -> int:
    found = 0
    for node in selection_set.selections if selection_set else ():
        if isinstance(node, FieldNode):
            definition = getattr(type_, "fields", {}).get(node.name.value)
            if definition is not None:
                inner = get_named_type(definition.type)
                found += _is_guess(definition)
                found += _guesses(schema, node.selection_set, inner, fragments)
            continue
        part: Any = node
        if isinstance(node, FragmentSpreadNode):
            part = fragments[node.name.value]
        condition = part.type_condition
        inner = schema.get_type(condition.name.value) if condition else type_
        found += _guesses(schema, part.selection_set, inner, fragments)
    return found


def _is_guess(definition: GraphQLField) -> bool:
    declared = definition.extensions.get("strawberry-definition")
    return declared is not None and guesses_orders(declared)
