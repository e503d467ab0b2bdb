"""Connections of reviews, and their filter."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

import models
from models.review import ReviewStatus
from resolvers import review_list
from resolvers.keyset import Page, PageRequest
from resolvers.moments import moment
from resolvers.review_list import ReviewSort, Scope
from resolvers.text_search import MAX_SEARCH
from resolvers.viewer import Viewer
from schema.connection import Connection, connection, wants_total
from schema.context import Context
from schema.fetch import present
from schema.node import maybe_ref
from schema.references import AuthorRef, ServiceRef, VendorRef
from schema.review import Review
from schema.selection import Selection


@strawberry.input(
    description=(
        "Narrows a list of reviews; everything given must hold."
        " It never widens what you may see: asking for PENDING ones that are not yours finds none."
    )
)
class ReviewFilter:
    service: ServiceRef | None = strawberry.field(default=None, description="Of this service.")
    vendor: VendorRef | None = strawberry.field(default=None, description="Of this vendor.")
    rating: int | None = strawberry.field(default=None, description="With exactly so many stars.")
    status: ReviewStatus | None = strawberry.field(default=None, description="In this state.")
    search: str | None = strawberry.field(
        default=None,
        description="Whose text holds these words as typed. Case, width, ligatures, invisible"
        f" characters and the dot of an i are ignored. {MAX_SEARCH} characters at most.",
    )
    has_reply: bool | None = strawberry.field(default=None, description="With a reply, or without.")
    created_after: datetime | None = strawberry.field(
        default=None, description="Written at this instant or later."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="Written before this instant."
    )
    awaits_decision: bool | None = strawberry.field(
        default=None, description="Which wait for a moderator, or do not."
    )
    author: AuthorRef | None = strawberry.field(
        default=None,
        description=(
            "By the person with this id in the marketplace (`externalId`; persons have no other)."
            " For moderators, admins and the person; everybody else finds none."
        ),
    )


def as_filter(given: ReviewFilter | None) -> review_list.ReviewFilter:
    if given is None:
        return review_list.ANY
    return review_list.ReviewFilter(
        service=maybe_ref(given.service, "Service", "filter", "service"),
        vendor=maybe_ref(given.vendor, "Vendor", "filter", "vendor"),
        rating=given.rating,
        status=given.status,
        search=given.search,
        has_reply=given.has_reply,
        created_after=moment(given.created_after, "filter", "created_after"),
        created_before=moment(given.created_before, "filter", "created_before"),
        awaits_decision=given.awaits_decision,
        author=maybe_ref(given.author, "Customer", "filter", "author"),
    )


async def review_page(
    context: Context,
    scope: Scope,
    filter: ReviewFilter | None,
    order_by: ReviewSort,
    request: PageRequest,
    selection: Selection,
) -> Connection[Review]:
    """A connection of reviews. Several requested in the same tick share one statement."""
    count = wants_total(selection)
    page = await context.page(fetch_reviews, scope, as_filter(filter), order_by, request, count)
    nodes = await present(context, "Review", page.rows, selection.items_of_page())
    return connection(page, nodes)


async def fetch_reviews(
    viewer: Viewer,
    scopes: Sequence[Scope],
    filter: review_list.ReviewFilter,
    order: ReviewSort,
    request: PageRequest,
    count: bool,
) -> Sequence[Page[models.Review]]:
    return await review_list.list_reviews(viewer, scopes, filter, order, request, count=count)
