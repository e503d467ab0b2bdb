"""What a client asked for below a field, so that it can be fetched in one go."""

from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.execution import VariableValues
from strawberry import Info

from schema.arguments import bound_arguments


class Selection(dict[str, "Selection"]):
    """Field names, each with the selection below it.

    Aliases, conditions and types are looked through: it may hold more than will be answered,
    never less.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[FieldNode] = []

    def below(self, *path: str) -> "Selection":
        """The selection below a path of fields; an empty one where nothing was selected."""
        found = self
        for name in path:
            found = found.get(name, _EMPTY)
        return found

    def items_of_page(self) -> "Selection":
        """What is selected of the things in a connection, by way of edges or nodes."""
        by_edges, by_nodes = self.below("edges", "node"), self.below("nodes")
        if not by_nodes:
            return by_edges
        merged = Selection()
        for part in (by_edges, by_nodes):
            _merge(merged, part)
        return merged


_EMPTY = Selection()


def selected(info: Info[Any, Any]) -> Selection:
    """The selection below the field that is being resolved."""
    raw: GraphQLResolveInfo[Any] = info._raw_info
    nodes = raw.field_nodes
    if len(nodes) > 1:
        return _select(nodes, raw)
    # Kept on the syntax node, and forgotten with it. A selection is never changed.
    known = nodes[0].__dict__.get("candor_selection")
    if known is None:
        known = nodes[0].__dict__["candor_selection"] = _select(nodes, raw)
    return known


def arguments_below(info: Info[Any, Any], name: str) -> dict[str, Any] | None:
    """The arguments of a field below this one, as its resolver will get them.

    None unless the field is selected there exactly once, without a directive, and its arguments
    can be coerced: else the field says so itself, if it is not left out.
    """
    nodes = selected(info).below(name).nodes
    if len(nodes) != 1 or nodes[0].directives:
        return None
    raw: GraphQLResolveInfo[Any] = info._raw_info
    parent: Any = get_named_type(raw.return_type)
    coerced: Any = raw.variable_values  # Strawberry hands on the values alone
    variables = VariableValues({}, coerced)
    try:
        return bound_arguments(raw.schema, parent.fields[name], nodes[0], variables)
    except GraphQLError:
        return None


def _select(nodes: list[FieldNode], info: GraphQLResolveInfo[Any]) -> Selection:
    found = Selection()
    for node in nodes:
        _collect(node.selection_set, info, found)
    return found


def _collect(
    selection_set: SelectionSetNode | None, info: GraphQLResolveInfo[Any], found: Selection
) -> None:
    if selection_set is None:
        return
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            below = found.setdefault(node.name.value, Selection())
            below.nodes.append(node)
            _collect(node.selection_set, info, below)
        elif isinstance(node, InlineFragmentNode):
            _collect(node.selection_set, info, found)
        elif isinstance(node, FragmentSpreadNode):
            _collect(info.fragments[node.name.value].selection_set, info, found)


def _merge(into: Selection, other: Selection) -> None:
    into.nodes += other.nodes
    for name, below in other.items():
        _merge(into.setdefault(name, Selection()), below)
