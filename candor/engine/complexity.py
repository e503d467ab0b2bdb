"""Limits on the size of a document, in one linear pass that visits each fragment once."""

import re
from dataclasses import astuple, dataclass, fields, replace

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

from candor.errors import TooComplex

MAX_TOKENS = 2_000
_TOKEN, _TOKENS_WITHIN = re.compile(r"\w+|[^\w\s,]"), 20_000
# Sums stop here: fragments that double each other would give numbers of a thousand digits.
_CAP = 10**9
# Nested fragments count here, but not in `depth`: they only deepen the recursion of this pass.
_MAX_RECURSION = 100


@dataclass(frozen=True)
class Size:
    """The size of an operation with its fragments expanded. `depth` counts nested fields."""

    fields: int = 0
    aliases: int = 0
    directives: int = 0
    introspections: int = 0
    introspection_aliases: int = 0
    depth: int = 0

    def beside(self, other: "Size") -> "Size":
        return Size(
            min(self.fields + other.fields, _CAP),
            min(self.aliases + other.aliases, _CAP),
            min(self.directives + other.directives, _CAP),
            min(self.introspections + other.introspections, _CAP),
            min(self.introspection_aliases + other.introspection_aliases, _CAP),
            max(self.depth, other.depth),
        )


MAXIMA = {
    "operations": 10,
    "variables": 50,
    "fields": 500,
    "aliases": 30,
    "directives": 30,
    "introspections": 2,
    # Tools need none. Without aliases, fields merge, so the result holds the schema once at most.
    "introspection_aliases": 3,
    "depth": 15,
}
_TOO_DEEP = Size(depth=_CAP)


def tokens_in(text: str) -> int:
    """About how many tokens a text has. No lexer: words in strings and comments count, too."""
    return len(_TOKEN.findall(text, 0, _TOKENS_WITHIN))


def check_complexity(document: DocumentNode) -> None:
    """Raises TooComplex, with the name of the limit that is passed and its figure."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    _check_limit("operations", len(operations))
    sizes = _Sizes(document)
    for operation in operations:
        _check_limit("variables", len(operation.variable_definitions or ()))
        size = sizes.of(operation.selection_set).beside(
            Size(directives=len(operation.directives or ()))
        )
        for field, figure in zip(fields(size), astuple(size), strict=True):
            _check_limit(field.name, figure)


def _check_limit(limit: str, figure: int) -> None:
    if figure > MAXIMA[limit]:
        raise TooComplex(
            f"The query is too complex: the limit for {limit} is {MAXIMA[limit]}.",
            limit=limit,
            max=MAXIMA[limit],
            actual=min(figure, _CAP),
        )


class _Sizes:
    """The sizes of the selections of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._fragment_sizes: dict[str, Size] = {}
        self._in_progress: set[str] = set()

    def of(self, selection_set: SelectionSetNode | None, nesting: int = 0) -> Size:
        total = Size()
        if selection_set is None:
            return total
        if nesting > _MAX_RECURSION:
            return _TOO_DEEP
        for node in selection_set.selections:
            total = total.beside(self._of_node(node, nesting + 1))
        return total

    def _of_node(self, node: SelectionNode, nesting: int) -> Size:
        own = Size(directives=len(node.directives or ()))
        if isinstance(node, FragmentSpreadNode):
            return own.beside(self._spread(node.name.value, nesting))
        below = self.of(getattr(node, "selection_set", None), nesting)
        if not isinstance(node, FieldNode):
            return own.beside(below)
        name = node.name.value
        introspects = name in _INTROSPECTION
        own = Size(
            fields=1,
            aliases=int(node.alias is not None),
            directives=own.directives,
            introspections=int(introspects),
            introspection_aliases=below.aliases if introspects else 0,
        )
        # Introspection needs depth; a rule of graphql-core bounds it.
        return replace(own.beside(below), depth=1 if introspects else below.depth + 1)

    def _spread(self, name: str, nesting: int) -> Size:
        if name in self._in_progress or name not in self._fragments:
            return Size()  # validation reports cycles and unknown names
        if name not in self._fragment_sizes:
            self._in_progress.add(name)
            fragment = self._fragments[name]
            own = Size(directives=len(fragment.directives or ()))
            self._fragment_sizes[name] = own.beside(self.of(fragment.selection_set, nesting))
            self._in_progress.discard(name)
        return self._fragment_sizes[name]


_INTROSPECTION = {"__schema", "__type"}
