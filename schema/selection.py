"""The selection below a field, so that everything in it can be fetched at once."""

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

    Aliases, directives and type conditions are ignored: it may contain more fields than the
    response, never fewer.
    """

    def below(self, *path: str) -> "Selection":
        """The selection below a path of fields; empty if nothing is selected there."""
        selection = self
        for name in path:
            selection = selection.get(name, _EMPTY)
        return selection

    def items_of_page(self) -> "Selection":
        """The selection of a connection's items, through `edges` and `nodes`."""
        by_edges, by_nodes = self.below("edges", "node"), self.below("nodes")
        if not by_nodes:
            return by_edges
        merged = Selection()
        for part in (by_edges, by_nodes):
            _merge(merged, part)
        return merged


_EMPTY = Selection()
# Selections by the id() of their field's syntax node, which is kept beside them so that its id is
# not reused. Hashing a node would walk its whole subtree. Cached selections are never changed.
Selections = dict[int, tuple[FieldNode, Selection]]


def selected(info: Info[Any, Any]) -> Selection:
    """The selection below the field that is being resolved."""
    raw: GraphQLResolveInfo[Any] = info._raw_info
    nodes = raw.field_nodes
    if len(nodes) > 1:
        return _select(nodes, raw)
    (node,) = nodes
    cached: Selections = info.context.selections
    if id(node) not in cached:
        cached[id(node)] = node, _select(nodes, raw)
    return cached[id(node)][1]


def _select(nodes: list[FieldNode], info: GraphQLResolveInfo[Any]) -> Selection:
    selection = Selection()
    for node in nodes:
        _collect(node.selection_set, info, selection)
    return selection


def _collect(
    selection_set: SelectionSetNode | None, info: GraphQLResolveInfo[Any], selection: Selection
) -> None:
    if selection_set is None:
        return
    for node in selection_set.selections:
        if isinstance(node, FieldNode):
            below = selection.setdefault(node.name.value, Selection())
            _collect(node.selection_set, info, below)
        elif isinstance(node, InlineFragmentNode):
            _collect(node.selection_set, info, selection)
        elif isinstance(node, FragmentSpreadNode):
            _collect(info.fragments[node.name.value].selection_set, info, selection)


def _merge(into: Selection, other: Selection) -> None:
    for name, below in other.items():
        _merge(into.setdefault(name, Selection()), below)
