"""What an operation costs, in points: about one for each object that is fetched.

The cost of an object includes each of its values once. A value selected again under another alias
costs as much as another object, since output is paid for, too.

The cost of a document is computed once; a request only fills in its variables.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    value_from_ast_untyped,
)

from candor.engine.fast.arguments import names_variable
from resolvers.keyset import DEFAULT_SIZE, MAX_OFFSET
from resolvers.review_lookup import DEFAULT_TAIL

CAP = 10**9
# A filtered list is counted row by row.
COUNT = 5
# Of few reviews the texts are read, and the rows before a numbered page are skipped one by one.
SEARCH = 20
SKIPPED_PER_POINT = 100
MUTATION = 10
_INTROSPECTION = {"__schema": 100, "__type": 10}
Variables = Mapping[str, Any]
Multiplier = Callable[[FieldNode, Variables], int]
# The response keys of each value of one object, by its type and field.
_Keys = dict[tuple[str, str], set[str]]


@dataclass
class Cost:
    """A fixed part, and parts multiplied by the size of a page or the length of a list."""

    fixed: int = 0
    parts: "list[tuple[Multiplier, FieldNode, Cost]]" = field(default_factory=list)

    def of(self, variables: Variables) -> int:
        total = self.fixed
        for multiplier, node, cost in self.parts:
            total += multiplier(node, variables) * max(cost.of(variables), 1)
        return min(total, CAP)

    def add(self, other: "Cost") -> None:
        self.fixed += other.fixed
        self.parts += other.parts

    def folded(self) -> "Cost":
        """The same cost, with every part that depends on no variable moved to the fixed part."""
        total = Cost(self.fixed)
        for multiplier, node, cost in self.parts:
            below = cost.folded()
            if below.parts or any(
                names_variable(each.value) for each in _counted(multiplier, node)
            ):
                total.parts.append((multiplier, node, below))
            else:
                total.fixed += multiplier(node, {}) * max(below.fixed, 1)
        return total


def defaults_of(operation: OperationDefinitionNode) -> Variables:
    """The default values, which hold for variables that a request omits."""
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def cost_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Cost:
    """The cost of a valid operation. Its size must have been checked: fragments are expanded."""
    root = schema.get_root_type(operation.operation)
    cost = _CostVisitor(schema, fragments).selection(operation.selection_set, root)
    if operation.operation is OperationType.MUTATION:
        cost.fixed += MUTATION * len(operation.selection_set.selections)
    return cost.folded()


@dataclass
class _CostVisitor:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def selection(
        self, selection_set: SelectionSetNode | None, type_: Any, page: FieldNode | None = None
    ) -> Cost:
        """`page` is the field whose connection this is, if any."""
        keys: _Keys = defaultdict(set)
        cost = self._selection(selection_set, type_, page, keys)
        cost.fixed += sum(len(each) - 1 for each in keys.values())
        return cost

    def _selection(
        self,
        selection_set: SelectionSetNode | None,
        type_: Any,
        page: FieldNode | None,
        keys: _Keys,
    ) -> Cost:
        total = Cost()
        if selection_set is None:
            return total
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                total.add(self._field(node, type_, page, keys))
            elif isinstance(node, InlineFragmentNode):
                inner = self._type(node, type_)
                total.add(self._selection(node.selection_set, inner, page, keys))
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                inner = self._type(fragment, type_)
                total.add(self._selection(fragment.selection_set, inner, page, keys))
        return total

    def _type(self, node: InlineFragmentNode | FragmentDefinitionNode, outer: Any) -> Any:
        condition = node.type_condition
        return self.schema.get_type(condition.name.value) if condition else outer

    def _field(self, node: FieldNode, type_: Any, page: FieldNode | None, keys: _Keys) -> Cost:
        name = node.name.value
        if name in _INTROSPECTION:
            return Cost(_INTROSPECTION[name])
        if name in {"totalCount", "totalCountIsExact"} and page is not None:
            return Cost(COUNT)
        definition = getattr(type_, "fields", {}).get(name)
        if definition is None:
            return Cost()
        if is_leaf_type(get_named_type(definition.type)):
            keys[type_.name, name].add(node.alias.value if node.alias else name)
            return Cost()
        return self._object(node, definition, page)

    def _object(self, node: FieldNode, definition: GraphQLField, page: FieldNode | None) -> Cost:
        opens_page = "first" in definition.args
        below = self.selection(
            node.selection_set, get_named_type(definition.type), node if opens_page else None
        )
        if page is not None and node.name.value in {"edges", "nodes"}:
            # An edge is not counted as an object, only the row in it.
            below.fixed += int(node.name.value == "nodes")
            return Cost(0, [(_page_size, page, below)])
        given = {each.name.value for each in node.arguments or ()} if opens_page else set()
        if "filter" in given:
            below.parts.append((_searches, node, Cost(SEARCH)))
        if "page" in given:
            below.parts.append((_skipped, node, Cost(1)))
        if not opens_page and "last" in definition.args:
            # A plain list of the newest rows.
            below.fixed += 1
            return Cost(1, [(_tail, node, below)])
        if not opens_page and node.arguments and _takes_list(definition):
            return Cost(1, [(_length, node, below)])
        below.fixed += 1
        return below


def _counted(multiplier: Multiplier, node: FieldNode) -> list[ArgumentNode]:
    """The arguments that a multiplier depends on."""
    named = _DEPENDS_ON.get(multiplier)
    return [each for each in node.arguments or () if named is None or each.name.value in named]


def _takes_list(definition: GraphQLField) -> bool:
    """Whether a field returns one item for each that it is given: ids, references, input rows."""
    return any(
        "[" in str(argument.type)
        or any(
            "[" in str(inner.type)
            for inner in getattr(get_named_type(argument.type), "fields", {}).values()
        )
        for argument in definition.args.values()
    )


def _page_size(node: FieldNode, variables: Variables) -> int:
    sizes = [_number(argument.value, variables) for argument in _counted(_page_size, node)]
    return max((size for size in sizes if size is not None), default=DEFAULT_SIZE)


def _tail(node: FieldNode, variables: Variables) -> int:
    sizes = [_number(argument.value, variables) for argument in _counted(_tail, node)]
    return next((size for size in sizes if size is not None), DEFAULT_TAIL)


def _searches(node: FieldNode, variables: Variables) -> int:
    """1 if the page's filter has words to search for, else 0."""
    return int(any(_has_search(each.value, variables) for each in _counted(_searches, node)))


def _skipped(node: FieldNode, variables: Variables) -> int:
    """The points for the rows before a numbered page."""
    pages = [
        _number(each.value, variables) for each in node.arguments or () if each.name.value == "page"
    ]
    before = max((page or 0 for page in pages), default=0) - 1
    # Pages further on are refused when they are executed.
    return min(max(before, 0) * _page_size(node, variables), MAX_OFFSET) // SKIPPED_PER_POINT


# The names of the arguments that count; all of them for other multipliers.
_DEPENDS_ON: dict[Multiplier, set[str]] = {
    _page_size: {"first", "last"},
    _tail: {"first", "last"},
    _searches: {"filter"},
    _skipped: {"first", "last", "page"},
}


def _length(node: FieldNode, variables: Variables) -> int:
    return max(sum(_items(each.value, variables) for each in _counted(_length, node)), 1)


def _number(node: ValueNode, variables: Variables) -> int | None:
    if isinstance(node, VariableNode):
        value = variables.get(node.name.value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return int(min(max(value, 0), CAP))
    if isinstance(node, IntValueNode):
        return max(int(node.value), 0) if len(node.value) < len(str(CAP)) else CAP
    return None


def _has_search(node: ValueNode, variables: Variables) -> bool:
    given: Any = value_from_ast_untyped(node, dict(variables))
    return isinstance(given, dict) and bool(given.get("search"))


def _items(node: ValueNode, variables: Variables) -> int:
    """The length of a list, or of the lists inside an input object."""
    if isinstance(node, VariableNode):
        return _items_of(variables.get(node.name.value))
    if isinstance(node, ListValueNode):
        return len(node.values)
    if isinstance(node, ObjectValueNode):
        return sum(_items(entry.value, variables) for entry in node.fields)
    return 0


def _items_of(value: Any) -> int:
    if isinstance(value, list):
        return len(value)
    if isinstance(value, dict):
        return sum(len(inner) for inner in value.values() if isinstance(inner, list))
    return 0
