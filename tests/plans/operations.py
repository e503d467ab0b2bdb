"""Every list of the schema, with every order, filter, direction and page, for every role."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any

from graphql import GraphQLEnumType, GraphQLObjectType, get_named_type

from resolvers.viewer import Role
from schema import ids
from schema.api import schema
from tests.plans import filled

TYPES: dict[str, Any] = schema._schema.type_map
MIDDLE = (filled.START + (filled.NOW - filled.START) / 2).isoformat()

# How each type that has lists is reached: hot and in the tail.
HOLDERS: dict[str, tuple[str, ...]] = {
    "Query": ("",),
    "Viewer": ("viewer",),
    "Service": tuple(
        f'service(ref: {{ externalId: "{name}" }})'
        for name in (filled.HOT_SERVICE, filled.TAIL_SERVICE)
    ),
    "Vendor": tuple(
        f'vendor(ref: {{ externalId: "{name}" }})'
        for name in (filled.HOT_VENDOR, filled.TAIL_VENDOR)
    ),
    "Order": (f'order(ref: {{ externalId: "{filled.LONG_ORDER}" }})',),
    "OrderUpdate": (f'orderUpdate(id: "{ids.encode("OrderUpdate", filled.LONG_UPDATE)}")',),
}

_PEOPLE = {
    "service": (filled.HOT_SERVICE, filled.TAIL_SERVICE),
    "vendor": (filled.HOT_VENDOR, filled.TAIL_VENDOR),
    "order": (filled.LONG_ORDER, "ORDER-8"),
    "assignee": (filled.HOT_MEMBER, filled.TAIL_MEMBER),
    "author": (filled.HOT_CUSTOMER, filled.TAIL_CUSTOMER),
}
# Values for each field of a filter, by the field's name or else its type. A new field of a known
# type is walked at once, and one of an unknown type fails.
_BY_NAME: dict[str, tuple[str, ...]] = {
    **{
        name: tuple(f'{{ externalId: "{each}" }}' for each in people)
        for name, people in _PEOPLE.items()
    },
    "search": tuple(f'"{word}"' for word in (filled.COMMON_WORD, filled.UNKNOWN_WORD)),
    "mail": ('"review.received"', '"review.rejected"', '"rating.promoter"'),
    "recipient": (f'"{filled.HOT_VENDOR}"', '"NOBODY"', '"vendor-1@example.com"', '"no@one.org"'),
    "actor": (f'"{filled.HOT_MEMBER}"', '"NOBODY"'),
    "rating": ("1", "5"),
    "subject": (f'"{ids.encode("Review", filled._id(6, 100))}"',),
    "review": (f'"{ids.encode("Review", filled._id(6, 100))}"',),
    "update": (f'"{ids.encode("OrderUpdate", filled.LONG_UPDATE)}"',),
}
_BY_TYPE = {"Boolean": ("true", "false"), "DateTime": (f'"{MIDDLE}"',)}


@dataclass(frozen=True)
class Case:
    """One operation of one caller."""

    role: Role
    # "Service.reviews", and the way to it.
    path: str
    holder: str
    order: str | None = None
    filter: tuple[tuple[str, str], ...] = ()
    # FIRST, AFTER (the middle), LAST, BEFORE, PAGE (a numbered one) or TOTAL.
    page: str = "FIRST"
    flags: tuple[tuple[str, str], ...] = ()

    def document(self, cursor: str | None = None) -> str:
        arguments = [f"{name}: {value}" for name, value in self.flags]
        if self.order:
            arguments.append(f"orderBy: {self.order}")
        if self.filter:
            inner = ", ".join(f"{name}: {value}" for name, value in self.filter)
            arguments.append(f"filter: {{ {inner} }}")
        arguments.append(
            {
                "AFTER": f'first: 10, after: "{cursor}"',
                "LAST": "last: 10",
                "BEFORE": f'last: 10, before: "{cursor}"',
                "PAGE": "first: 10, page: 40",
            }.get(self.page, "first: 10")
        )
        selection = (
            "totalCount"
            if self.page == "TOTAL"
            else ("edges { cursor node { __typename } } pageInfo { hasNextPage endCursor }")
        )
        inner = f"{self.path.partition('.')[2]}({', '.join(arguments)}) {{ {selection} }}"
        return f"{{ {self.holder} {{ {inner} }} }}" if self.holder else f"{{ {inner} }}"

    def __str__(self) -> str:
        filters = ", ".join(f"{name}: {value}" for name, value in self.filter + self.flags)
        return f"{self.role} {self.path} {self.order or ''} {{{filters}}} {self.page}" + (
            f" of {self.holder}" if self.holder else ""
        )


def lists() -> Iterator[tuple[str, str, Any]]:
    """Each list: its holder's type, its name, and its field."""
    for type_ in TYPES.values():
        if isinstance(type_, GraphQLObjectType):
            for name, each in type_.fields.items():
                if get_named_type(each.type).name.endswith("Connection"):
                    yield type_.name, name, each


# The other roles see what these see, or less: one page of each of their lists is enough.
THOROUGH = {Role.ANONYMOUS, Role.VENDOR, Role.ADMIN}


def cases(role: Role) -> Iterator[Case]:
    for type_name, name, each in lists():
        hot, *tail = HOLDERS[type_name]
        path = f"{type_name}.{name}"
        yield from _cases(Case(role, path, hot), each.args, briefly=role not in THOROUGH)
        for holder in tail:
            yield from _cases(Case(role, path, holder), each.args, briefly=True)


def _cases(plain: Case, args: dict[str, Any], *, briefly: bool) -> Iterator[Case]:
    orders = _values(args["orderBy"]) if "orderBy" in args else [None]
    pages = ["FIRST"]
    if not briefly:
        pages += ["LAST", "AFTER", "BEFORE", *(["PAGE"] if "page" in args else [])]
    singles = [()]
    if "filter" in args:
        fields = get_named_type(args["filter"].type).fields
        by_field = {name: _given(name, given) for name, given in fields.items()}
        singles += [((name, value),) for name, values in by_field.items() for value in values]
    flags = [()] + [
        ((flag, "true"),)
        for flag, given in args.items()
        if get_named_type(given.type).name == "Boolean"
    ]
    for given, flag in product(singles, flags):
        for order, page in product(orders, pages):
            # BEFORE and PAGE read as AFTER does, in the order that the filter does not change.
            if order == orders[0] or not given or page in {"FIRST", "LAST", "AFTER"}:
                yield replace(plain, order=order, filter=given, page=page, flags=flag)
        yield replace(plain, order=orders[0], filter=given, page="TOTAL", flags=flag)
    if not briefly:
        # The hottest value of one field with the rarest of another.
        hottest = {given[0][0]: given[0] for given in reversed(singles[1:])}
        rarest = {given[0][0]: given[0] for given in singles[1:]}
        for one, other in permutations(rarest, 2):
            yield replace(plain, order=orders[0], filter=(hottest[one], rarest[other]))


def _given(name: str, each: Any) -> tuple[str, ...]:
    if name in _BY_NAME:
        return _BY_NAME[name]
    return tuple(_values(each)) if _is_enum(each) else _BY_TYPE[get_named_type(each.type).name]


def _is_enum(each: Any) -> bool:
    return isinstance(get_named_type(each.type), GraphQLEnumType)


def _values(each: Any) -> list[str]:
    return list(get_named_type(each.type).values)
