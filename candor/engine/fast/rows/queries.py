"""The root fields that are answered straight, and what each fetches."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from graphql import VariableNode
from graphql.execution import VariableValues

from candor.engine.fast.field_plans import FieldPlan
from candor.engine.fast.hand_on import HandOn
from candor.engine.fast.rows.codegen import Writer
from models import sql
from models.rating_tally import STAR_COUNTS
from models.sql import Record
from resolvers import service_storefront, services
from resolvers.keyset import cut
from resolvers.ref import Ref
from resolvers.review_list import ORDERS
from resolvers.service_storefront import Look, Part
from resolvers.viewer import SEE_PUBLIC_ALONE, Viewer
from schema.connection import page_request
from schema.node import NodeRef, by_external_id
from schema.query import refs_of_cards
from schema.review_page import as_filter

Make = Callable[..., Any]


class Root(NamedTuple):
    """A root field and the function that makes its answer."""

    field: FieldPlan
    make: Make


class Query(Protocol):
    """Answers a root field."""

    async def answer(self, viewer: Viewer, variables: VariableValues, most: int) -> Any:
        """The field's value. Raises HandOn, and UserError for what is to be refused."""


class _Page(NamedTuple):
    """A page of reviews, as recipes read it."""

    rows: Sequence[Record]
    cursors: Sequence[Any]
    has_next: bool
    has_previous: bool
    total: int | None


class ServiceQuery:
    """`service`: the service, its rating, and at most one page of its reviews."""

    parameters = ("row", "page")

    def __init__(self, root: Root, writer: Writer) -> None:
        if len(writer.arguments) > 1:  # of two pages one would take another statement
            raise HandOn
        self._root = root
        self._reviews = writer.arguments[0] if writer.arguments else None
        self._varying = self._reviews.variables if self._reviews else set()
        self._counts = ("ReviewConnection", "totalCount") in writer.fields
        self._points = bool(_CURSORS & writer.fields)
        counters = STAR_COUNTS if self._counts else ()
        # By its id SQLite finds the reviews.
        self._columns = service_storefront.Columns.named(writer.columns.union(counters, ["its_id"]))
        self._fetch = sql.reader(service_storefront.TYPES)
        # The variable that is the reference, if one is.
        (argument,) = (each.value for each in root.field.nodes[0].arguments or ())
        self._named = argument.name.value if isinstance(argument, VariableNode) else None
        # What everybody is shown when no variable says otherwise.
        self._usual: tuple[Part | None, Look] | None = None

    async def answer(self, viewer: Viewer, variables: VariableValues, most: int) -> Any:
        part, look = self._look(viewer, variables)
        rows = await self._fetch(*look.at(self._ref(variables)))
        if not rows:
            return None
        if part is None:
            return self._root.make(rows[0], None, most)
        reviews = await look.reviews(self._fetch, rows)
        return self._root.make(rows[0], self._page(rows[0], reviews, part), most)

    def _ref(self, variables: VariableValues) -> Ref:
        given = variables.coerced.get(self._named) if self._named else None
        if given and "externalId" in given:
            return by_external_id(given["externalId"])
        named: NodeRef = self._root.field.arguments.bound(variables)["ref"]
        return named.as_ref("Service", "ref")

    def _look(self, viewer: Viewer, variables: VariableValues) -> tuple[Part | None, Look]:
        is_usual = viewer.role in SEE_PUBLIC_ALONE and self._varying.isdisjoint(variables.coerced)
        if is_usual and self._usual is not None:
            return self._usual
        part = self._part(self._reviews.bound(variables)) if self._reviews else None
        if part is not None and not service_storefront.in_one(part):
            raise HandOn
        found = part, service_storefront.look_of(viewer, part, self._columns)
        if is_usual:
            self._usual = found
        return found

    def _part(self, asked: dict[str, Any]) -> Part:
        pages = {name: asked.get(name) for name in ("first", "after", "last", "before", "page")}
        request = page_request(**pages)
        return Part(as_filter(asked.get("filter")), asked["order_by"], request, self._counts)

    def _page(self, service: Record, reviews: Sequence[Record], part: Part) -> _Page:
        order = ORDERS[part.order]
        found = cut(reviews, part.request, order)
        cursors = order.cursors(found.rows) if self._points else found.rows
        total = service_storefront.total_of(service, part)
        return _Page(found.rows, cursors, found.has_next, found.has_previous, total)


class RatingsQuery:
    """`ratingSummaries`: the ratings of cards, of services or of vendors."""

    parameters = ("rows",)

    def __init__(self, root: Root, writer: Writer) -> None:
        self._root = root
        self._columns = service_storefront.Columns.named(writer.columns).service
        self._fetch = sql.reader(service_storefront.TYPES)

    async def answer(self, _viewer: Viewer, variables: VariableValues, most: int) -> Any:
        named = refs_of_cards(**self._root.field.arguments.bound(variables))
        rows = await services.rated(*named, columns=self._columns, fetch=self._fetch)
        return self._root.make(rows, most)


_CURSORS = {("ReviewEdge", "cursor"), ("PageInfo", "startCursor"), ("PageInfo", "endCursor")}


QUERIES: dict[str, Any] = {"service": ServiceQuery, "ratingSummaries": RatingsQuery}
