"""Keyset paging: a cursor holds its row's sort key, so page 1,000 costs no more than page 1."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import orjson

from models import base64url
from resolvers.errors import Invalid
from resolvers.viewer import Condition

DEFAULT_SIZE, MAX_SIZE = 10, 100
# Numbered pages skip rows by counting them, which gets slower with every page.
MAX_OFFSET = 10_000
# Counting stops here if no counter has the total.
MAX_COUNTED = 10_000

R = TypeVar("R")


@dataclass(frozen=True)
class Term:
    """One part of a sort key: its SQL expression, and the type of its value in a cursor."""

    sql: str
    type: type = int
    # Integers of a cursor stay below this, so that the database can compare them.
    limit: int = 2**31


@dataclass(frozen=True)
class Sort:
    """How a list is sorted. All terms run in one direction; the last is the id, so keys are unique.

    `key_of` reads the sort key from a row's columns.
    """

    name: str
    terms: tuple[Term, ...]
    key_of: Callable[[Mapping[str, Any]], list[Any]]
    descending: bool = True

    def direction(self, *, backwards: bool) -> str:
        return "DESC" if self.descending != backwards else "ASC"

    def order_by(self, *, backwards: bool, after: int = 0) -> str:
        """The terms of ORDER BY, without the first ones if rows have them in common."""
        return self._orders[backwards, after]

    @cached_property
    def _orders(self) -> dict[tuple[bool, int], str]:
        return {
            (backwards, after): ", ".join(
                f"{term.sql} {self.direction(backwards=backwards)}" for term in self.terms[after:]
            )
            for backwards in (False, True)
            for after in range(len(self.terms))
        }

    def cursors(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """The opaque cursors of rows, given by their columns."""
        name, key_of = self.name, self.key_of
        return [base64url.encode(orjson.dumps([name, *key_of(row)])) for row in rows]

    def key_in(self, cursor: str, field: str) -> tuple[Any, ...]:
        """The sort key in a cursor. Raises Invalid unless it is a cursor of this sort."""
        try:
            name, *values = orjson.loads(base64url.decode(cursor))
            if name == self.name and len(values) == len(self.terms):
                return tuple(_typed(term, v) for term, v in zip(self.terms, values, strict=True))
        except (ValueError, TypeError, OverflowError, AttributeError):
            pass
        raise Invalid(field, message="This cursor does not belong to this list and its order.")


_UNBOUND = Condition("")


class PageRequest(NamedTuple):
    """A validated request for one page of a list."""

    size: int = DEFAULT_SIZE
    backwards: bool = False
    after: str | None = None
    before: str | None = None
    offset: int = 0

    def bounds(self, sort: Sort, lead: tuple[int, ...] = ()) -> Condition | None:
        """The condition that a row lies between the two cursors; None if no row can.

        `lead` are the values that all rows have for the first terms of the sort.
        """
        if self.after is None and self.before is None:
            return _UNBOUND
        parts: list[str] = []
        values: tuple[Any, ...] = ()
        for cursor, field, beyond in (
            (self.after, "after", sort.descending),
            (self.before, "before", not sort.descending),
        ):
            if cursor is not None:
                key = sort.key_in(cursor, field)
                head, rest = key[: len(lead)], key[len(lead) :]
                if lead == head:
                    sign, terms = "<" if beyond else ">", sort.terms[len(lead) :]
                    columns = ", ".join(term.sql for term in terms)
                    parts.append(f" AND ({columns}) {sign} ({', '.join('?' * len(rest))})")
                    values += rest
                elif (lead < head) is not beyond:
                    return None
        return Condition("".join(parts), values)


FIRST_PAGE = PageRequest()


class Total(NamedTuple):
    """How many rows a list has, or at least has."""

    number: int
    is_exact: bool = True

    @classmethod
    def sum_of(cls, parts: Iterable["Total"]) -> "Total":
        """The total of lists without a common row, counted as one."""
        numbers, are_exact = zip(*parts, strict=True)
        number, is_exact = sum(numbers), all(are_exact)
        return cls(number) if is_exact and number <= MAX_COUNTED else cls(MAX_COUNTED, False)


@dataclass
class Page(Generic[R]):
    """Sorted rows, whether more exist on either side, and the total if it was requested."""

    rows: list[R]
    sort: Sort
    has_next: bool
    has_previous: bool
    total: Total | None = None


def request_page(
    *,
    first: int | None = None,
    after: str | None = None,
    last: int | None = None,
    before: str | None = None,
    page: int | None = None,
) -> PageRequest:
    """The page that these arguments request. Raises Invalid, naming the faulty argument."""
    if first is not None and last is not None:
        raise Invalid("last", message="Give first or last, not both.")
    size = _size("first", first) if last is None else _size("last", last)
    offset = 0
    if page is not None:
        if after is not None or before is not None or last is not None:
            raise Invalid("page", message="A numbered page goes without after, before and last.")
        if page < 1:
            raise Invalid("page", message="Pages are numbered from 1.")
        offset = (page - 1) * size
        if offset > MAX_OFFSET:
            raise Invalid(
                "page",
                message=f"Numbered pages end after {MAX_OFFSET:,} rows; go on with after.",
            )
    return PageRequest(size, last is not None, after or None, before or None, offset)


def cut(rows: Sequence[R], request: PageRequest, sort: Sort) -> Page[R]:
    """The page from rows fetched with one extra, in the order in which they were read."""
    more = len(rows) > request.size
    page = list(rows[: request.size])
    if request.backwards:
        page.reverse()
        return Page(page, sort, has_next=request.before is not None, has_previous=more)
    return Page(
        page, sort, has_next=more, has_previous=request.after is not None or request.offset > 0
    )


def _size(name: str, value: int | None) -> int:
    if value is None:
        return DEFAULT_SIZE
    if not 0 <= value <= MAX_SIZE:
        raise Invalid(name, message=f"Ask for 0 to {MAX_SIZE} at once.")
    return value


def _typed(term: Term, value: Any) -> Any:
    kind = term.type
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    if kind is UUID:
        return UUID(value)
    if type(value) is not kind:
        raise TypeError
    out_of_range = isinstance(value, int) and abs(value) >= term.limit
    if out_of_range or (isinstance(value, str) and "\x00" in value):
        raise ValueError
    return value


def newest(alias: str, column: str = "created_at") -> Sort:
    """Newest first, then the id."""
    return Sort(
        "NEWEST",
        (
            Term(f"{alias}.{column}", datetime),
            Term(f"{alias}.id", UUID),
        ),
        lambda row: [row[column], row["id"].hex],
    )
