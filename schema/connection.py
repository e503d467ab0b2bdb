"""Connections: pages of lists with opaque keyset cursors."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from resolvers.keyset import (
    DEFAULT_SIZE,
    MAX_COUNTED,
    MAX_OFFSET,
    MAX_SIZE,
    Page,
    PageRequest,
    Total,
    request_page,
)
from schema.selection import Selection

T = TypeVar("T")

First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many from the start: {DEFAULT_SIZE} when neither first nor last is given,"
        f" at most {MAX_SIZE}."
    ),
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[
    int | None,
    strawberry.argument(description=f"How many from the end, at most {MAX_SIZE}. Not with first."),
]
Before = Annotated[
    str | None, strawberry.argument(description="Only what comes before this cursor.")
]
PageNumber = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "A numbered page, from 1, of `first` rows each. Without after, before and last."
            f" Ends after {MAX_OFFSET:,} rows: further on, use cursors."
        )
    ),
]


@strawberry.type(description="Where a page of a list stands.")
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether more follows this page (paging backwards: whether `before` was given)."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether something stands before this page: forwards, unless it is the first."
    )
    start_cursor: str | None = strawberry.field(
        description="The first row's cursor; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The last row's cursor; null on an empty page."
    )


@strawberry.type(description="A row of a list and its place in it.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(
        description="Where the row stands, for after and before. Belongs to this list and order."
    )
    node: T = strawberry.field(description="The row itself.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The rows alone.")
    page_info: PageInfo = strawberry.field(description="Where the page stands in the list.")
    total_count: int = strawberry.field(
        description="How many the whole list holds for you. Counted only when asked for; no"
        f" further than {MAX_COUNTED:,} if totalCountIsExact is false."
    )
    total_count_is_exact: bool = strawberry.field(
        description=f"Whether totalCount is exact; false: {MAX_COUNTED:,} or more. Always exact"
        " for the reviews of a service or vendor, also with a rating, status or hasReply."
    )


def wants_total(selection: Selection) -> bool:
    return "totalCount" in selection or "totalCountIsExact" in selection


def page_request(
    first: int | None,
    after: str | None,
    last: int | None,
    before: str | None,
    page: int | None = None,
) -> PageRequest:
    return request_page(first=first, after=after, last=last, before=before, page=page)


def connection(page: Page[Any], nodes: Sequence[T]) -> Connection[T]:
    """The connection of a page's rows, already presented as `nodes`."""
    cursors = page.sort.cursors(map(vars, page.rows))
    total = page.total or Total(0)
    return Connection(
        edges=[Edge(cursor=c, node=n) for c, n in zip(cursors, nodes, strict=True)],
        nodes=list(nodes),
        page_info=PageInfo(
            has_next_page=page.has_next,
            has_previous_page=page.has_previous,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        total_count=total.number,
        total_count_is_exact=total.is_exact,
    )
