"""What a client asked for below a field, so that it can be fetched in one go."""

from typing import Any

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
)
from strawberry import Info


class Selection(dict[str, "Selection"]):
    """Field names, each with the selection below it.

    Aliases, conditions and types are looked through: it may hold more than will be answered,
    never less.
    """

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
# Selections by the identity of their field's syntax, which is kept beside them: to hash or compare
# syntax would walk through all of it. A selection is never changed.
Selections = dict[int, tuple[FieldNode, Selection]]


def selected(info: Info[Any, Any]) -> Selection:
    """The selection below the field that is being resolved."""
    raw: GraphQLResolveInfo[Any] = info._raw_info
    nodes = raw.field_nodes
    if len(nodes) > 1:
        return _select(nodes, raw)
    (node,) = nodes
    known: Selections = info.context.selections
    if id(node) not in known:
        known[id(node)] = node, _select(nodes, raw)
    return known[id(node)][1]


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
            _collect(node.selection_set, info, below)
        elif isinstance(node, InlineFragmentNode):
            _collect(node.selection_set, info, found)
        elif isinstance(node, FragmentSpreadNode):
            _collect(info.fragments[node.name.value].selection_set, info, found)


def _merge(into: Selection, other: Selection) -> None:
    for name, below in other.items():
        _merge(into.setdefault(name, Selection()), below)
