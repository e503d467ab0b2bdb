"""Random operations from hypothesis-graphql, with real ids put in, and reshaped.

hypothesis-graphql writes no variables, fragments, aliases or conditions, and no ids that exist.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import hypothesis_graphql
from graphql import (
    ArgumentNode,
    BooleanValueNode,
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    Node,
    ObjectValueNode,
    SelectionSetNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_named_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
    parse,
    parse_value,
    print_ast,
    value_from_ast_untyped,
    visit,
)
from hypothesis import strategies as st

_TEXTS = {
    "DateTime": ["2026-01-31T12:00:00Z", "2000-01-01T00:00:00+01:00", "2026-01-31T12:00:00", "no"],
    "Date": ["2026-01-01", "2026-01-31", "2025-12-31"],
}
# hypothesis-graphql prefers fields that nest deeply. So these are also generated alone.
_ROOTS = [
    ("services", "reviews"),
    ("service", "vendor", "review"),
    ("order", "reviewEligibility", "ratingSummaries"),
    ("orderUpdates", "orderUpdate", "trackingLog"),
    ("viewer", "settings", "reviewPolicy", "teamAnalytics"),
]


def documents(schema: GraphQLSchema) -> st.SearchStrategy[str]:
    scalars = {
        name: st.sampled_from([StringValueNode(value=text) for text in texts])
        for name, texts in _TEXTS.items()
    }
    return st.one_of(
        hypothesis_graphql.queries(schema, fields=fields, custom_scalars=scalars)
        for fields in [None, *_ROOTS]
    )


@dataclass
class World:
    """Ids and texts that exist, by type, so that generated operations find rows."""

    ids: dict[str, list[str]]
    external_ids: dict[str, list[str]]
    cursors: dict[str, list[str]]


@dataclass
class Asked:
    """An operation, and several sets of variables for it."""

    text: str
    variables: list[dict[str, Any]]


def reshaped(
    schema: GraphQLSchema, text: str, world: World, seed: int, *, further: bool = True
) -> Asked:
    """The same operation with ids that exist, variables, fragments, aliases and conditions.

    With `further`, also with more fields of all kinds.
    """
    random = Random(seed)
    types = TypeInfo(schema)
    document = visit(parse(text), TypeInfoVisitor(types, _Sense(random, types, world)))
    variables = _Variables(random, types)
    document = visit(document, TypeInfoVisitor(types, variables))
    shape = _Shape(random, types, conditions=random.random() < 0.3, further=further)
    document = visit(document, TypeInfoVisitor(types, shape))
    text = " ".join(map(print_ast, [*document.definitions, *shape.fragments]))
    declared = variables.declared + [f"${name}: Boolean!" for name in shape.flags]
    if declared:
        text = f"query Random({', '.join(declared)}) {text.removeprefix('query')}"
    sets = [
        variables.some() | {name: random.random() < 0.5 for name in shape.flags} for _ in range(2)
    ]
    return Asked(print_ast(parse(text)), sets)


def _chance(random: Random, chance: float) -> bool:
    return random.random() < chance


class _Sense(Visitor):
    """Replaces arbitrary texts of hypothesis-graphql by values that exist."""

    def __init__(self, random: Random, types: TypeInfo, world: World) -> None:
        super().__init__()
        self.random, self.types, self.world = random, types, world

    def enter_field(self, node: FieldNode, *_: Any) -> Node:
        """Mostly keep only one way of paging: most paging arguments exclude each other."""
        definition = self.types.get_field_def()
        page = {"first", "last", "after", "before", "page", "filter"}
        dropped = (
            set(self.random.choices(sorted(page), k=12)) if _chance(self.random, 0.95) else set()
        )
        kept = [
            argument
            for argument in node.arguments or ()
            if argument.name.value not in dropped
            or is_required_argument(definition.args[argument.name.value])
        ]
        return _changed(node, arguments=tuple(kept))

    def enter_argument(self, node: ArgumentNode, *_: Any) -> Node | None:
        if node.name.value in {"first", "last", "page"}:
            number = self.random.choice([*["1", "2", "3", "20"] * 5, "0", "101", "-1", "null"])
            return _changed(node, value=parse_value(number))
        if node.name.value in {"after", "before"} and _chance(self.random, 0.7):
            return _changed(node, value=_text(self._known(self.world.cursors)))
        return None

    def enter_object_value(self, node: ObjectValueNode, *_: Any) -> Node | None:
        if str(get_named_type(self.types.get_input_type())) != "NodeRef":
            return None
        key = self.random.choice(["id", "externalId"])
        known = self.world.ids if key == "id" else self.world.external_ids
        return parse_value(f'{{ {key}: "{self._known(known)}" }}')

    def leave_string_value(self, node: Node, *_: Any) -> Node | None:
        if str(get_named_type(self.types.get_input_type())) == "ID" and _chance(self.random, 0.9):
            return _text(self._known(self.world.ids))
        return None

    leave_int_value = leave_string_value

    def _known(self, values: dict[str, list[str]]) -> str:
        """Mostly a value that fits the field."""
        fitting = values.get(str(get_named_type(self.types.get_type())))
        if fitting and _chance(self.random, 0.85):
            return self.random.choice(fitting)
        return self.random.choice([each for some in values.values() for each in some])


class _Variables(Visitor):
    """Moves values into variables: with defaults, absent, null."""

    def __init__(self, random: Random, types: TypeInfo) -> None:
        super().__init__()
        self.random, self.types = random, types
        self.declared: list[str] = []
        self.choices: dict[str, list[Any]] = {}

    def leave_argument(self, node: Any, *_: Any) -> Node | None:
        type_ = self.types.get_input_type()
        if type_ is None or not _chance(self.random, 0.35) or "$" in print_ast(node):
            return None
        name = f"v{len(self.choices)}"
        value = value_from_ast_untyped(node.value)
        self.choices[name] = [{name: value}, {name: value}]
        written = str(type_)
        strict = is_non_null_type(type_)
        if value is not None and _chance(self.random, 0.4):
            # With a default, a nullable variable fits a non-null place.
            written = f"{written.removesuffix('!')} = {print_ast(node.value)}"
            strict = False
            self.choices[name].append({})
        self.choices[name].append({} if strict and _chance(self.random, 0.1) else {name: value})
        if not strict:
            self.choices[name].append({name: None})
        self.declared.append(f"${name}: {written}")
        return _changed(node, value=_variable(name))

    def leave_object_field(self, node: Any, *_: Any) -> Node | None:
        if str(self.types.get_parent_input_type()) == "NodeRef":
            value = value_from_ast_untyped(node.value)
            if not _chance(self.random, 0.3) or value is None:
                return None
            name = f"v{len(self.choices)}"
            self.choices[name] = [{name: value}]
            self.declared.append(f"${name}: {get_named_type(self.types.get_input_type())}!")
            return _changed(node, value=_variable(name))
        return self.leave_argument(node) if _chance(self.random, 0.5) else None

    def some(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for choices in self.choices.values():
            found |= self.random.choice(choices)
        return found


@dataclass
class _Shape(Visitor):
    """Rewrites selections with the same meaning: repeated, aliased, in fragments, with conditions."""

    random: Random
    types: TypeInfo
    conditions: bool
    further: bool
    fragments: list[Node] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    aliases: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def leave_selection_set(self, node: SelectionSetNode, *_: Any) -> Node:
        parent = self.types.get_parent_type()
        selections: list[Any] = []
        for each in node.selections:
            selections += self._said(each, str(parent))
        if self.further and _chance(self.random, 0.4):
            selections += self._more(parent, depth=4)
        if _chance(self.random, 0.15):
            selections.append(_field("__typename"))
        return _changed(node, selections=tuple(selections))

    def _more(self, parent: Any, depth: int) -> list[Any]:
        """More fields: hypothesis-graphql selects few at once."""
        found = []
        plain = {
            name: get_named_type(each.type)
            for name, each in getattr(parent, "fields", {}).items()
            if not any(map(is_required_argument, each.args.values()))
        }
        for name in self.random.sample(sorted(plain), min(3, len(plain))):
            inner = None
            if not is_leaf_type(plain[name]):
                below = self._more(plain[name], depth - 1) if depth else []
                inner = SelectionSetNode(selections=(*below, _field("__typename")))
            self.aliases += 1
            alias = NameNode(value=f"more{self.aliases}")
            found.append(_changed(_field(name), alias=alias, selection_set=inner))
        return found

    def _said(self, node: Any, parent: str) -> list[Any]:
        if isinstance(node, FieldNode):
            if _chance(self.random, 0.1):
                self.aliases += 1
                node = _changed(node, alias=NameNode(value=f"alias{self.aliases}"))
            if _chance(self.random, 0.15):
                return [node, self._wrapped(self._half(node), parent)]
        return [self._wrapped(node, parent)]

    def _half(self, node: Any) -> Any:
        """The same field with part of its selection: both must be merged."""
        if node.selection_set is None:
            return node
        inner = node.selection_set.selections
        few = tuple(self.random.sample(inner, self.random.randint(1, len(inner))))
        return _changed(node, selection_set=SelectionSetNode(selections=few))

    def _wrapped(self, node: Any, parent: str) -> Any:
        if self.conditions and _chance(self.random, 0.1):
            node = _changed(node, directives=(*(node.directives or ()), self._condition()))
        if _chance(self.random, 0.1):
            condition = NamedTypeNode(name=NameNode(value=parent))
            inner = SelectionSetNode(selections=(node,))
            if _chance(self.random, 0.5):
                return InlineFragmentNode(
                    type_condition=condition if _chance(self.random, 0.5) else None,
                    selection_set=inner,
                    directives=(),
                )
            name = NameNode(value=f"Fragment{len(self.fragments)}")
            self.fragments.append(
                FragmentDefinitionNode(name=name, type_condition=condition, selection_set=inner)
            )
            return FragmentSpreadNode(name=name, directives=())
        return node

    def _condition(self) -> DirectiveNode:
        value: Any = BooleanValueNode(value=_chance(self.random, 0.5))
        if _chance(self.random, 0.7):
            self.flags.append(f"flag{len(self.flags)}")
            value = _variable(self.flags[-1])
        name = self.random.choice(["skip", "include"])
        argument = ArgumentNode(name=NameNode(value="if"), value=value)
        return DirectiveNode(name=NameNode(value=name), arguments=(argument,))


def _changed(node: Any, **changes: Any) -> Any:
    return type(node)(**{key: getattr(node, key, None) for key in node.keys} | changes)


def _field(name: str) -> FieldNode:
    return FieldNode(name=NameNode(value=name), arguments=(), directives=())


def _text(value: str) -> StringValueNode:
    return StringValueNode(value=value)


def _variable(name: str) -> VariableNode:
    return VariableNode(name=NameNode(value=name))
