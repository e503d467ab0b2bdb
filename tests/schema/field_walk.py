"""Every field of the schema, generated from it: what a type tells, and all ways that lead to it."""

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
# How many things may stand behind one another on a way: a review, its order, the order's updates.
_LONGEST = 3


def is_node(type_: Any) -> bool:
    return is_object_type(type_) and TYPES["Node"] in type_.interfaces


NODES = [type_ for type_ in TYPES.values() if is_node(type_)]


def facts(type_: Any) -> str:
    """All that a type tells by itself: of things with an id of their own their ids alone."""
    return " ".join(told for name, each in type_.fields.items() if (told := fact(name, each)))


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
    """A way from the root to a type: the names of its fields, the first one with arguments."""

    steps: tuple[str, ...]
    type_: GraphQLObjectType
    # Whether its end is an interface.
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

    def found(self, data: Any) -> Iterator[dict[str, Any]]:
        """The things at the end of the way in an answer."""
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
    """Every way to a thing on which nothing comes twice. `roots` are the arguments of root fields.

    A root field with required arguments that stands not in `roots` is a KeyError.
    """
    found: list[Way] = []
    for name, definition in TYPES["Query"].fields.items():
        needs = any(map(is_required_argument, definition.args.values()))
        inner = get_named_type(definition.type)
        if is_interface_type(inner):  # by ids: of each thing that is found
            continue
        arguments = roots[name] if needs else roots.get(name, "")
        _walk(inner, (f"{name}{arguments}",), (), found)
    return found


def _walk(
    type_: Any, steps: tuple[str, ...], seen: tuple[str, ...], found: list[Way], deep: int = 0
) -> None:
    if is_interface_type(type_):
        found += [Way(steps, each, narrowed=True) for each in NODES]
        return
    if type_.name in seen:
        return
    if is_node(type_):
        found.append(Way(steps, type_))
        deep += 1
    if deep == _LONGEST:
        return
    for name, definition in type_.fields.items():
        inner = get_named_type(definition.type)
        if not is_leaf_type(inner):
            _walk(inner, (*steps, name), (*seen, type_.name), found, deep)


@dataclass
class Known:
    """What is known of each thing by now, as one person sees it: every further look must agree."""

    things: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def look(self, thing: dict[str, Any], where: str) -> None:
        told = dict(thing)
        name, id_ = told.pop("__typename"), told["id"]
        known = self.things.setdefault((name, id_), {})
        for field_name, value in told.items():
            assert known.setdefault(field_name, value) == value, f"{name}.{field_name} by {where}"

    def leaves(self) -> set[tuple[str, str]]:
        """The fields of types that had a value somewhere."""
        return {
            leaf for (name, _), told in self.things.items() for leaf in _leaves(TYPES[name], told)
        }


def _leaves(type_: Any, told: Any) -> Iterator[tuple[str, str]]:
    for name, value in told.items():
        if name not in type_.fields or value in (None, []):
            continue
        yield type_.name, name
        inner = get_named_type(type_.fields[name].type)
        if not is_leaf_type(inner) and not is_interface_type(inner):
            for each in value if isinstance(value, list) else [value]:
                yield from _leaves(inner, each)


def leaves_of(type_: Any) -> set[tuple[str, str]]:
    """The fields that `facts` asks of a type and of all that belongs to it."""
    found = set()
    for name, definition in type_.fields.items():
        inner = get_named_type(definition.type)
        if inner.name.endswith("Connection"):
            continue
        found.add((type_.name, name))
        if is_object_type(inner) and not is_node(inner):
            found |= leaves_of(inner)
    return found


def filled(name: str, turn: int = 0, **given: Any) -> dict[str, Any]:
    """An input with a value in each of its fields, other ones in each turn, unless it is given."""
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


def same(given: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """What of an input is told under another value, or not at all: `{name: what is told}`."""
    flat = {
        name: value
        for part in (*(each for each in told.values() if isinstance(each, dict)), told)
        for name, value in part.items()
    }
    return {name: flat.get(name) for name, value in given.items() if flat.get(name) != value}
