"""How large a document is: one linear pass that looks at each fragment once."""

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
# Sums saturate: a doubling chain of fragments would make numbers of a thousand digits.
_CAP = 10**9
# Fragments in fragments, and inline ones, count for the pass's own recursion only.
_MAX_RECURSION = 100


@dataclass(frozen=True)
class Size:
    """The size of an operation with its fragments written out. `depth` counts nested fields."""

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
    # Tools need none. Without them fields merge, and the answer is the schema once at most.
    "introspection_aliases": 3,
    "depth": 15,
}
_TOO_DEEP = Size(depth=_CAP)


def tokens_in(text: str) -> int:
    """About how many tokens a text has, without a lexer: those of strings and comments count."""
    return len(_TOKEN.findall(text, 0, _TOKENS_WITHIN))


def refuse_too_complex(document: DocumentNode) -> None:
    """Raises TooComplex with the name of the limit and its figure."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    _must_fit("operations", len(operations))
    pass_ = _Pass(document)
    for operation in operations:
        _must_fit("variables", len(operation.variable_definitions or ()))
        size = pass_.size(operation.selection_set).beside(
            Size(directives=len(operation.directives or ()))
        )
        for field, figure in zip(fields(size), astuple(size), strict=True):
            _must_fit(field.name, figure)


def _must_fit(limit: str, figure: int) -> None:
    if figure > MAXIMA[limit]:
        raise TooComplex(
            f"The query is too complex: the limit for {limit} is {MAXIMA[limit]}.",
            limit=limit,
            max=MAXIMA[limit],
            actual=min(figure, _CAP),
        )


class _Pass:
    """Sizes of the selections of one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}
        self._open: set[str] = set()

    def size(self, selection_set: SelectionSetNode | None, nesting: int = 0) -> Size:
        total = Size()
        if selection_set is None:
            return total
        if nesting > _MAX_RECURSION:
            return _TOO_DEEP
        for node in selection_set.selections:
            total = total.beside(self._of(node, nesting + 1))
        return total

    def _of(self, node: SelectionNode, nesting: int) -> Size:
        own = Size(directives=len(node.directives or ()))
        if isinstance(node, FragmentSpreadNode):
            return own.beside(self._spread(node.name.value, nesting))
        below = self.size(getattr(node, "selection_set", None), nesting)
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
        # Introspection is deep by nature; a rule of graphql-core bounds it.
        return replace(own.beside(below), depth=1 if introspects else below.depth + 1)

    def _spread(self, name: str, nesting: int) -> Size:
        if name in self._open or name not in self._fragments:
            return Size()  # circles and unknown names are reported by validation
        if name not in self._known:
            self._open.add(name)
            fragment = self._fragments[name]
            own = Size(directives=len(fragment.directives or ()))
            self._known[name] = own.beside(self.size(fragment.selection_set, nesting))
            self._open.discard(name)
        return self._known[name]


_INTROSPECTION = {"__schema", "__type"}
