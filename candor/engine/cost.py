"""What an operation costs, in points: about one for each object that is fetched.

An object's price holds each of its values once, for what leaves is paid for, too: a value that is
asked for again under another name costs as much as another object.

The price of a document is worked out once; a request only puts in its variables.
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
from resolvers.keyset import DEFAULT_SIZE
from resolvers.review_lookup import DEFAULT_TAIL

CAP = 10**9
# A filtered list is counted row by row.
COUNT = 5
MUTATION = 10
_INTROSPECTION = {"__schema": 100, "__type": 10}
Variables = Mapping[str, Any]
Multiplier = Callable[[FieldNode, Variables], int]
# The names under which each value of one object is answered, by its type and field.
_Names = dict[tuple[str, str], set[str]]


@dataclass
class Price:
    """A fixed part, and parts that are multiplied by a page's size or the length of a list."""

    fixed: int = 0
    parts: "list[tuple[Multiplier, FieldNode, Price]]" = field(default_factory=list)

    def of(self, variables: Variables) -> int:
        total = self.fixed
        for multiplier, node, price in self.parts:
            total += multiplier(node, variables) * max(price.of(variables), 1)
        return min(total, CAP)

    def add(self, other: "Price") -> None:
        self.fixed += other.fixed
        self.parts += other.parts

    def folded(self) -> "Price":
        """The same price, with every part that no variable changes in its fixed part."""
        total = Price(self.fixed)
        for multiplier, node, price in self.parts:
            below = price.folded()
            if below.parts or any(
                names_variable(each.value) for each in _counted(multiplier, node)
            ):
                total.parts.append((multiplier, node, below))
            else:
                total.fixed += multiplier(node, {}) * max(below.fixed, 1)
        return total


def defaults_of(operation: OperationDefinitionNode) -> Variables:
    """The values of the variables that the request leaves out."""
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }


def price_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> Price:
    """The price of a valid operation whose size was checked, so that it may be written out."""
    root = schema.get_root_type(operation.operation)
    price = _Pricing(schema, fragments).selection(operation.selection_set, root)
    if operation.operation is OperationType.MUTATION:
        price.fixed += MUTATION * len(operation.selection_set.selections)
    return price.folded()


@dataclass
class _Pricing:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def selection(
        self, selection_set: SelectionSetNode | None, type_: Any, page: FieldNode | None = None
    ) -> Price:
        """`page` is the field that opened the page whose connection this is."""
        names: _Names = defaultdict(set)
        price = self._selection(selection_set, type_, page, names)
        price.fixed += sum(len(each) - 1 for each in names.values())
        return price

    def _selection(
        self,
        selection_set: SelectionSetNode | None,
        type_: Any,
        page: FieldNode | None,
        names: _Names,
    ) -> Price:
        total = Price()
        if selection_set is None:
            return total
        for node in selection_set.selections:
            if isinstance(node, FieldNode):
                total.add(self._field(node, type_, page, names))
            elif isinstance(node, InlineFragmentNode):
                inner = self._type(node, type_)
                total.add(self._selection(node.selection_set, inner, page, names))
            elif isinstance(node, FragmentSpreadNode):
                fragment = self.fragments[node.name.value]
                inner = self._type(fragment, type_)
                total.add(self._selection(fragment.selection_set, inner, page, names))
        return total

    def _type(self, node: InlineFragmentNode | FragmentDefinitionNode, outer: Any) -> Any:
        condition = node.type_condition
        return self.schema.get_type(condition.name.value) if condition else outer

    def _field(self, node: FieldNode, type_: Any, page: FieldNode | None, names: _Names) -> Price:
        name = node.name.value
        if name in _INTROSPECTION:
            return Price(_INTROSPECTION[name])
        if name == "totalCount" and page is not None:
            return Price(COUNT)
        definition = getattr(type_, "fields", {}).get(name)
        if definition is None:
            return Price()
        if is_leaf_type(get_named_type(definition.type)):
            names[type_.name, name].add(node.alias.value if node.alias else name)
            return Price()
        return self._object(node, definition, page)

    def _object(self, node: FieldNode, definition: GraphQLField, page: FieldNode | None) -> Price:
        opens_page = "first" in definition.args
        below = self.selection(
            node.selection_set, get_named_type(definition.type), node if opens_page else None
        )
        if page is not None and node.name.value in {"edges", "nodes"}:
            # An edge is no object of its own: what counts are the rows.
            below.fixed += int(node.name.value == "nodes")
            return Price(0, [(_page_size, page, below)])
        if not opens_page and "last" in definition.args:
            # A list that is no connection: of its newest rows alone.
            below.fixed += 1
            return Price(1, [(_tail, node, below)])
        if not opens_page and node.arguments and _takes_list(definition):
            return Price(1, [(_length, node, below)])
        below.fixed += 1
        return below


def _counted(multiplier: Multiplier, node: FieldNode) -> list[ArgumentNode]:
    """The arguments that a multiplier looks at."""
    named = {"first", "last"} if multiplier in {_page_size, _tail} else None
    return [each for each in node.arguments or () if named is None or each.name.value in named]


def _takes_list(definition: GraphQLField) -> bool:
    """Whether a field answers as many things as it is given: ids, references, or rows of input."""
    return any(
        "[" in str(argument.type)
        or any(
            "[" in str(inner.type)
            for inner in getattr(get_named_type(argument.type), "fields", {}).values()
        )
        for argument in definition.args.values()
    )


def _page_size(node: FieldNode, variables: Variables) -> int:
    asked = [_number(argument.value, variables) for argument in _counted(_page_size, node)]
    return max((size for size in asked if size is not None), default=DEFAULT_SIZE)


def _tail(node: FieldNode, variables: Variables) -> int:
    asked = [_number(argument.value, variables) for argument in _counted(_tail, node)]
    return next((size for size in asked if size is not None), DEFAULT_TAIL)


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


def _items(node: ValueNode, variables: Variables) -> int:
    """How many things a list holds, also one inside an input object."""
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
