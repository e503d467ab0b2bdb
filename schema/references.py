"""References in inputs and arguments: each declares its type, and is decoded here."""

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar, get_args

import strawberry
from strawberry import UNSET
from strawberry.types import has_object_definition
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from resolvers.refusals import collect_refusals
from schema import ids
from schema.node import NodeRef

T = TypeVar("T")


@dataclass(frozen=True)
class Of:
    """The type that an id, a NodeRef or a list of them names: `Annotated[ID, Of("Review")]`."""

    type_name: str
    # True in a filter that only narrows a list of what the viewer may see anyway.
    narrows: bool = False

    def read(self, given: Any, *field: str) -> Any:
        """The key of an id, the Ref of a NodeRef. Raises Invalid for the id of another type."""
        if isinstance(given, list):
            with collect_refusals() as check:
                return [
                    check(self.read, each, *field, str(place)) for place, each in enumerate(given)
                ]
        if isinstance(given, NodeRef):
            return given.as_ref(self.type_name, *field)
        return ids.key_of(self.type_name, given, *field)


ReviewId = Annotated[strawberry.ID, Of("Review")]
UpdateId = Annotated[strawberry.ID, Of("OrderUpdate")]
OrderRef = Annotated[NodeRef, Of("Order")]
MemberRef = Annotated[NodeRef, Of("TeamMember")]
ServiceRef = Annotated[NodeRef, Of("Service")]
# Customers are no nodes: they have no ids of this API.
AuthorRef = Annotated[NodeRef, Of("Customer")]
VendorRef = Annotated[NodeRef, Of("Vendor")]


def given(input: Any) -> dict[str, Any]:
    """The fields of an input that the client sent, by name."""
    return {name: value for name, value in vars(input).items() if value is not UNSET}


def read(input: Any) -> dict[str, Any]:
    """An input as the keyword arguments of a resolver, with its references decoded.

    A type whose fields are not those arguments says what is given by a method of that name.
    Raises Invalid, or Refusals, for ids that are none of their type.
    """
    values: dict[str, Any] = input.given() if hasattr(input, "given") else given(input)
    with collect_refusals() as check:
        for name, of in references(input.__class__).items():
            if values.get(name) is not None:
                values[name] = check(of.read, values[name], name)
    return values


def declared(place: StrawberryField | StrawberryArgument) -> Of | None:
    """The `Of` in the annotation of an argument or of an input's field."""
    return next(iter(_parts(_annotation(place), Of)), None)


@cache
def references(input: type) -> dict[str, Of]:
    """The `Of` of each field of an input that has one, by the field's name."""
    return {each.python_name: of for each in _fields(input) if (of := declared(each))}


@cache
def guesses_orders(field: StrawberryField) -> bool:
    """Whether a field looks up an order by its number, which can be guessed (docs/cost.md)."""
    return any(map(_names_order, field.arguments))


def _names_order(place: StrawberryField | StrawberryArgument) -> bool:
    of = declared(place)
    if of is not None:
        return of.type_name == "Order" and not of.narrows
    inputs = filter(has_object_definition, _parts(_annotation(place), type))
    return any(_names_order(inner) for each in inputs for inner in _fields(each))


def _fields(input: Any) -> list[StrawberryField]:
    return input.__strawberry_definition__.fields  # type: ignore[no-any-return]


def _annotation(place: StrawberryField | StrawberryArgument) -> Any:
    return place.type_annotation.annotation if place.type_annotation else None


def _parts(hint: Any, kind: type[T]) -> list[T]:
    """The parts of an annotation that are instances of `kind`, outermost first."""
    if isinstance(hint, kind) and not get_args(hint):
        return [hint]
    # `Annotated` keeps its metadata apart from its type arguments.
    parts = (*getattr(hint, "__metadata__", ()), *get_args(hint))
    return [parts for part in parts for parts in _parts(part, kind)]
