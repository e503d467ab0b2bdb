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
        merged = Selection()
        for part in (self.below("edges", "node"), self.below("nodes")):
            _merge(merged, part)
        return merged


_EMPTY = Selection()


def selected(info: Info) -> Selection:
    """The selection below the field that is being resolved."""
    raw: GraphQLResolveInfo[Any] = info._raw_info
    found = Selection()
    for node in raw.field_nodes:
        _collect(node.selection_set, raw, found)
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
