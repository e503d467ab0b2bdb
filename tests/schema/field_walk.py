"""Generated from the schema: the fields of each type, and all paths that lead to it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
    is_required_argument,
)

from schema.api import schema

TYPES: dict[str, Any] = schema._schema.type_map
# The most nodes on a path: a review, its order, the order's updates.
_LONGEST = 3


def is_node(type_: Any) -> bool:
    return is_object_type(type_) and TYPES["Node"] in type_.interfaces


NODES = [type_ for type_ in TYPES.values() if is_node(type_)]


def facts(type_: Any) -> str:
    """A selection of all own fields of a type; of related nodes only the ids."""
    return " ".join(output for name, each in type_.fields.items() if (output := fact(name, each)))


def fact(name: str, definition: Any) -> str:
    inner = get_named_type(definition.type)
    assert not any(map(is_required_argument, definition.args.values())), name
    if is_leaf_type(inner):
        return name
    if is_node(inner) or is_interface_type(inner):
        return f"{name} {{ __typename id }}"
    return "" if inner.name.endswith("Connection") else f"{name} {{ {facts(inner)} }}"


@dataclass(frozen=True)
class Way:
    """A path from the root to a type: the names of its fields, the first one with arguments."""

    steps: tuple[str, ...]
    type_: GraphQLObjectType
    # Whether the path ends at an interface.
    narrowed: bool = False

    def document(self, selection: str) -> str:
        inner = f"__typename id {selection}"
        if self.narrowed:
            inner = f"... on {self.type_.name} {{ {inner} }}"
        return f"{{ {self.selection(inner)} }}"

    def selection(self, inner: str) -> str:
        for step in reversed(self.steps):
            inner = f"{step} {{ {inner} }}"
        return inner

    def ends(self, data: Any) -> Iterator[dict[str, Any]]:
        """The objects at the end of the path in a result."""
        yield from _at(data, [step.partition("(")[0] for step in self.steps])


def _at(data: Any, names: list[str]) -> Iterator[dict[str, Any]]:
    if isinstance(data, list):
        for each in data:
            yield from _at(each, names)
    elif data and not names:
        yield data
    elif data:
        yield from _at(data[names[0]], names[1:])


def ways(roots: dict[str, str]) -> list[Way]:
    """Every path without repeated types. `roots` has the arguments of root fields.

    Raises KeyError for a root field with required arguments that `roots` lacks.
    """
    collected: list[Way] = []
    for name, definition in TYPES["Query"].fields.items():
        needs = any(map(is_required_argument, definition.args.values()))
        inner = get_named_type(definition.type)
        if is_interface_type(inner):  # looked up by ids of other results
            continue
        arguments = roots[name] if needs else roots.get(name, "")
        _walk(inner, (f"{name}{arguments}",), (), collected)
    return collected


def _walk(
    type_: Any,
    steps: tuple[str, ...],
    visited: tuple[str, ...],
    collected: list[Way],
    deep: int = 0,
) -> None:
    if is_interface_type(type_):
        collected += [Way(steps, each, narrowed=True) for each in NODES]
        return
    if type_.name in visited:
        return
    if is_node(type_):
        collected.append(Way(steps, type_))
        deep += 1
    if deep == _LONGEST:
        return
    for name, definition in type_.fields.items():
        inner = get_named_type(definition.type)
        if not is_leaf_type(inner):
            _walk(inner, (*steps, name), (*visited, type_.name), collected, deep)


@dataclass
class Known:
    """The values of each node as one person has seen them: every further result must agree."""

    things: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def look(self, thing: dict[str, Any], where: str) -> None:
        output = dict(thing)
        name, id_ = output.pop("__typename"), output["id"]
        known = self.things.setdefault((name, id_), {})
        for field_name, value in output.items():
            assert known.setdefault(field_name, value) == value, f"{name}.{field_name} by {where}"

    def leaves(self) -> set[tuple[str, str]]:
        """The fields that had a value in some result."""
        return {
            leaf
            for (name, _), output in self.things.items()
            for leaf in _leaves(TYPES[name], output)
        }


def _leaves(type_: Any, output: Any) -> Iterator[tuple[str, str]]:
    for name, value in output.items():
        if name not in type_.fields or value in (None, []):
            continue
        yield type_.name, name
        inner = get_named_type(type_.fields[name].type)
        if not is_leaf_type(inner) and not is_interface_type(inner):
            for each in value if isinstance(value, list) else [value]:
                yield from _leaves(inner, each)


def leaves_of(type_: Any) -> set[tuple[str, str]]:
    """The fields that `facts` selects of a type and its parts."""
    collected = set()
    for name, definition in type_.fields.items():
        inner = get_named_type(definition.type)
        if inner.name.endswith("Connection"):
            continue
        collected.add((type_.name, name))
        if is_object_type(inner) and not is_node(inner):
            collected |= leaves_of(inner)
    return collected


def filled(name: str, turn: int = 0, **given: Any) -> dict[str, Any]:
    """An input with a value in each field that is not given; each turn has other values."""
    values = {}
    for place, (each, definition) in enumerate(TYPES[name].fields.items()):
        values[each] = given[each] if each in given else _value(definition.type, each, turn + place)
    assert given.keys() <= values.keys(), f"{name} has other fields now"
    return values


def _value(type_: Any, name: str, number: int) -> Any:
    inner = get_nullable_type(type_)
    assert not is_list_type(inner), f"say what {name} is"
    if isinstance(inner, GraphQLEnumType):
        return list(inner.values)[number % len(inner.values)]
    return {
        "Int": 1 + number % 5,
        "Boolean": True,
        "String": f"The {name} in words, number {number}",
    }[inner.name]


def same(given: dict[str, Any], output: dict[str, Any]) -> dict[str, Any]:
    """The values of an input that the output has differently or lacks: `{name: output}`."""
    flat = {
        name: value
        for part in (*(each for each in output.values() if isinstance(each, dict)), output)
        for name, value in part.items()
    }
    return {name: flat.get(name) for name, value in given.items() if flat.get(name) != value}
