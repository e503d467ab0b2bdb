"""Plans: the fields of an operation that have resolvers, with functions to complete them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    DirectiveNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    Node,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import FieldDetails, collect_fields
from strawberry.types.field import StrawberryField

from candor.engine.fast.arguments import Arguments
from candor.engine.fast.completion_codegen import Completer, completer_of
from candor.engine.fast.hand_on import HandOn


@dataclass
class FieldPlan:
    """A field with a resolver of its own, and how to complete what it returns.

    `complete` is None if graphql-core must complete it. It is a coroutine function if `is_async`:
    then there are resolvers below.
    """

    key: str
    parent_type: GraphQLObjectType
    definition: GraphQLField
    details: list[FieldDetails]
    nodes: list[Any]
    arguments: Arguments
    complete: Completer | None = None
    is_async: bool = False
    # The resolver's own function, if Strawberry adds nothing but its Info.
    function: Callable[..., Any] | None = None
    info_name: str | None = None


def plan_fields(executor: Executor[Any]) -> list[FieldPlan]:
    """The plans of the operation's root fields. Raises HandOn if graphql-core must execute it."""
    operation = executor.operation
    root = executor.schema.get_root_type(operation.operation)
    if root is None or any(_directives(operation, executor)):
        raise HandOn
    collected = collect_fields(
        executor.schema, executor.fragments, executor.variable_values, root, operation
    )
    plans = []
    for key, details in collected.grouped_field_set.items():
        name = details[0].node.name.value
        definition = executor.schema.get_field(root, name)
        if definition is None or name.startswith("__"):
            raise HandOn
        plans.append(plan_field(executor, root, key, definition, details))
    return plans


def _directives(operation: Node, executor: Executor[Any]) -> Iterator[Node]:
    """The directives in the operation and in the fragments that it uses."""
    visited: set[str] = set()
    waiting = [operation]
    while waiting:
        node = waiting.pop()
        if isinstance(node, DirectiveNode):
            yield node
        if isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
            visited.add(node.name.value)
            waiting.append(executor.fragments[node.name.value].definition)
        for name in node.keys:
            child = getattr(node, name, None)
            if isinstance(child, Node):
                waiting.append(child)
            elif isinstance(child, tuple | list):
                waiting.extend(each for each in child if isinstance(each, Node))


def plan_field(
    executor: Executor[Any],
    parent: GraphQLObjectType,
    key: str,
    definition: GraphQLField,
    details: list[FieldDetails],
) -> FieldPlan:
    nodes = [each.node for each in details]
    arguments = Arguments(executor.schema, definition, nodes[0])
    plan = FieldPlan(key, parent, definition, details, nodes, arguments)
    plan.function, plan.info_name = _function(definition)
    plan.complete, plan.is_async = completer_of(executor, definition.type, details, plan_field)
    return plan


def _function(definition: GraphQLField) -> tuple[Callable[..., Any] | None, str | None]:
    """The function behind a field, and the name of its Info parameter."""
    field = definition.extensions.get("strawberry-definition")
    resolver = getattr(field, "base_resolver", None)
    if type(field) is not StrawberryField or resolver is None or field.extensions:
        return None, None
    if resolver.self_parameter is None or resolver.parent_parameter or resolver.root_parameter:
        return None, None
    info = resolver.info_parameter
    return resolver.wrapped_func, info.name if info else None
