"""A schema with every kind of field in every shape, and odd values for them."""

import enum
import math
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Annotated, Any

import strawberry
from graphql import GraphQLError, Undefined
from strawberry.scalars import JSON


@strawberry.enum
class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Other(enum.Enum):
    RED = "red"


class Text(str):
    __slots__ = ()


class Number(int):
    pass


@strawberry.interface
class Named:
    name: str

    @strawberry.field
    def sized(self, size: int = 1) -> int:
        return size


@strawberry.type
class Cat(Named):
    lives: int


@strawberry.type
class Dog(Named):
    age: int | None

    @strawberry.field
    def sized(self, size: int = 2) -> int:
        return 10 * size


@strawberry.type
class Leaf:
    number: int


class ReadableError(Exception):
    """An exception that could be mistaken for an object."""

    number = 1
    name = "an error"


_KINDS = {
    "number": (int, 1),
    "ratio": (float, 1.5),
    "text": (str, "text"),
    "flag": (bool, True),
    "key": (strawberry.ID, "key"),
    "moment": (datetime, datetime(2026, 1, 31, tzinfo=UTC)),
    "color": (Color, Color.RED),
    "anything": (JSON, {"any": 1}),
    "leaf": (Leaf, Leaf(number=1)),
    "cat": (Cat, Cat(name="Tom", lives=9)),
    "named": (Named, Dog(name="Rex", age=None)),
    "pet": (Annotated[Cat | Dog, strawberry.union("Pet")], Cat(name="Tom", lives=9)),
}
_BELOW = {
    "leaf": "{ number again: number __typename }",
    "cat": "{ name sized lives }",
    "named": "{ __typename name }",
    "pet": "{ ... on Named { name } ... on Dog { age } }",
}
_SHAPES: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "": (lambda type_: type_, lambda value: value),
    "Opt": (lambda type_: type_ | None, lambda value: value),
    "List": (lambda type_: list[type_], lambda value: [value, value]),
    "OptList": (lambda type_: list[type_ | None] | None, lambda value: [value, None]),
    "Deep": (lambda type_: list[list[type_]] | None, lambda value: [[value], []]),
}
FIELDS = {
    f"{kind}{shape}": (kind, shape)
    for kind in _KINDS
    for shape in _SHAPES
    if shape != "Deep" or kind in {"number", "color", "leaf"}
}


def _unreadable(self: Any, name: str) -> Any:
    """Removed fields behave like properties that raise."""
    raise (RuntimeError if name in FIELDS else AttributeError)(f"{name} cannot be read")


def _holder() -> type:
    types = {name: _SHAPES[shape][0](_KINDS[kind][0]) for name, (kind, shape) in FIELDS.items()}
    plain = type("Holder", (), {"__annotations__": types, "__getattr__": _unreadable})
    return strawberry.type(plain)


Holder = _holder()


_USUAL = {name: _SHAPES[shape][1](_KINDS[kind][1]) for name, (kind, shape) in FIELDS.items()}


def holder(**odd: Any) -> Any:
    """An object whose fields have their expected values, except the odd ones."""
    made = Holder.__new__(Holder)
    made.__dict__.update(_USUAL | odd)
    for name, value in odd.items():
        if value is RAISES:
            delattr(made, name)
    return made


@strawberry.type
class Box:
    """Places of an odd value: below objects, nullable objects and lists, with or without resolvers."""

    here: Holder  # type: ignore[valid-type]
    maybe: Holder | None  # type: ignore[valid-type]
    items: list[Holder]  # type: ignore[valid-type]
    some: list[Holder | None] | None  # type: ignore[valid-type]

    @strawberry.field
    def mirror(self) -> Holder | None:  # type: ignore[valid-type]
        return self.here

    @strawberry.field
    def broken(self) -> int | None:
        raise RuntimeError("this computes nothing")

    @strawberry.field
    def plain(self) -> str:
        return "plain"

    @strawberry.field
    async def slow(self) -> Holder | None:  # type: ignore[valid-type]
        return self.here

    @strawberry.field
    def quick(self, info: strawberry.Info, twice: bool = False) -> list[Holder]:  # type: ignore[valid-type]
        return [info.context["holder"]() for _ in range(1 + twice)]

    @strawberry.field
    async def fails(self) -> int | None:
        raise RuntimeError("this always fails")

    @strawberry.field
    async def fatal(self) -> int:
        raise RuntimeError("this is always fatal")

    @strawberry.field
    async def boxes(self, info: strawberry.Info) -> list["Box"]:
        return [_box(info), _box(info)]


def _box(info: strawberry.Info) -> Box:
    """Each place has its own object: a coroutine can be awaited only once."""
    odd = info.context["holder"]
    return Box(here=odd(), maybe=odd(), items=[holder(), odd()], some=[odd(), None])


@strawberry.type
class Query:
    @strawberry.field
    def box(self, info: strawberry.Info) -> Box | None:
        return _box(info)

    @strawberry.field
    async def later(self, info: strawberry.Info) -> Box | None:
        return _box(info)

    @strawberry.field
    async def must(self, info: strawberry.Info) -> Box:
        return _box(info)

    @strawberry.field
    def echo(self, word: str = "nothing", words: list[str] | None = None) -> str | None:
        return ", ".join([word, *(words or [])])

    @strawberry.field
    async def failing(self) -> str | None:
        raise GraphQLError("this fails, too")

    @strawberry.field
    def strict(self, word: str = "nothing") -> str:
        return word

    @strawberry.field
    def cat(self) -> Cat | None:
        return Cat(name="Tom", lives=9)

    @strawberry.field
    def dog(self) -> Dog | None:
        return Dog(name="Rex", age=3)


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def put(self, info: strawberry.Info) -> Box | None:
        info.context["calls"].append("put")
        return _box(info)

    @strawberry.mutation
    def must(self, info: strawberry.Info) -> Box:
        info.context["calls"].append("must")
        return _box(info)


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def ticks(self) -> AsyncIterator[int]:
        yield 1


schema = strawberry.Schema(Query, Mutation, Subscription, types=[Cat, Dog])
RAISES = object()


class Later:
    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Iterator[Any]:
        if False:
            yield
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


COROUTINES: list[Any] = []


def _coroutine(value: Any) -> Any:
    async def give() -> Any:
        return value

    COROUTINES.append(give())
    return COROUTINES[-1]


async def _stream(*values: Any) -> AsyncIterator[Any]:
    for value in values:
        yield value


# Made for each execution, since some can be used only once. `usual` is what the field expects.
ODD: dict[str, Callable[[Any], Any]] = {
    "usual": lambda usual: usual,
    "null": lambda _: None,
    "undefined": lambda _: Undefined,
    "a number": lambda _: 7,
    "the smallest number": lambda _: -(2**31),
    "a number too large": lambda _: 2**31,
    "a number far too large": lambda _: 2**40,
    "a subclass of int": lambda _: Number(7),
    "true": lambda _: True,
    "a whole float": lambda _: 2.0,
    "a float": lambda _: 2.5,
    "not a number": lambda _: math.nan,
    "infinity": lambda _: -math.inf,
    "a text": lambda _: "RED",
    "an empty text": lambda _: "",
    "digits": lambda _: "7",
    "a subclass of str": lambda _: Text("red"),
    "a moment": lambda _: datetime(2026, 1, 1),
    "a member": lambda _: Color.BLUE,
    "a member of another enumeration": lambda _: Other.RED,
    "an exception": lambda _: RuntimeError("as a value"),
    "a located exception": lambda _: GraphQLError("as a value"),
    "an exception with attributes": lambda _: ReadableError("as a value"),
    "a class of exceptions": lambda _: ReadableError,
    "an object": lambda _: SimpleNamespace(number=3, name="Nobody", lives=0, age=0),
    "a leaf with a text": lambda _: Leaf(number="x"),  # type: ignore[arg-type]
    "a cat with null": lambda _: Cat(name="Tom", lives=None),  # type: ignore[arg-type]
    "a dog": lambda _: Dog(name="Rex", age=3),
    "an empty list": lambda _: [],
    "a dictionary": lambda _: {"number": 1},
    "a list": lambda usual: [usual],
    "a tuple": lambda usual: (usual, None),
    "a generator": lambda usual: (each for each in [usual, usual]),
    "a stream": lambda usual: _stream(usual, usual),
    "an awaitable": Later,
    "a coroutine": _coroutine,
    "an awaitable null": lambda _: Later(None),
    "an awaitable failure": lambda _: Later(ReadableError("late")),
    "a property that raises": lambda _: RAISES,
}


def holders_of(name: str, odd: str) -> Iterator[Callable[[], Any]]:
    """Makers of holders with an odd value in place of the field's own, and inside its lists."""
    kind, shape = FIELDS[name]
    usual = _KINDS[kind][1]
    make = ODD[odd]
    yield lambda: holder(**{name: make(_SHAPES[shape][1](usual))})
    if odd != "a property that raises" and shape.endswith("List"):
        yield lambda: holder(**{name: [usual, make(usual)]})
    if odd != "a property that raises" and shape == "Deep":
        yield lambda: holder(**{name: [[usual], make([usual])]})
        yield lambda: holder(**{name: [[usual, make(usual)]]})


def selection_of(name: str) -> str:
    return f"{name} {_BELOW.get(FIELDS[name][0], '')}"


def document_of(name: str) -> str:
    """An operation that selects a field in every place of an object."""
    fields = [f"{selection_of(name)} __typename"]
    if FIELDS[name][0] == "leaf":
        fields.append(f"{name} {{ __typename }}")
    parts = (
        f"a{number}: {root} {{ {place} {{ {field} }} {more} }}"
        for number, (root, place, field, more) in enumerate(
            (root, place, field, more)
            for field in fields
            for root, place, more in [
                ("box", "here", ""),
                ("box", "maybe", "fails"),
                ("box", "items", ""),
                ("box", "some", ""),
                ("box", "mirror", "plain broken"),
                ("later", "here", "__typename"),
                ("later", "slow", "fails"),
                ("later", "quick", f"boxes {{ maybe {{ {field} }} fails }}"),
            ]
        )
    )
    return f"{{ {' '.join(parts)} }}"
