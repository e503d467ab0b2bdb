"""The root fields that are answered from rows, and what each fetches."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from graphql import VariableNode
from graphql.execution import VariableValues

from candor.engine.fast.field_plans import FieldPlan
from candor.engine.fast.hand_on import HandOn
from candor.engine.fast.rows.codegen import CodeGenerator
from candor.engine.fast.rows.field_expressions import ABOUT_VIEWER
from models import sql
from models.rating_tally import STAR_COUNTS
from models.sql import Record
from resolvers import service_storefront, services
from resolvers.keyset import cut
from resolvers.ref import Ref
from resolvers.review_list import SORTS
from resolvers.service_storefront import ReviewsRequest, StorefrontStatement
from resolvers.viewer import PUBLIC_ONLY_ROLES, Viewer
from schema.connection import page_request
from schema.node import NodeRef, by_external_id
from schema.query import refs_of_cards
from schema.review_page import as_filter

Make = Callable[..., Any]


class Root(NamedTuple):
    """A root field and the function that makes its value."""

    field: FieldPlan
    make: Make


class Query(Protocol):
    """Answers a root field."""

    async def answer(self, viewer: Viewer, variables: VariableValues, most: int) -> Any:
        """The field's value. Raises HandOn and, for refusals, Refusal."""


class _Page(NamedTuple):
    """A page of reviews, as field expressions read it."""

    rows: Sequence[Record]
    cursors: Sequence[Any]
    has_next: bool
    has_previous: bool
    total: int | None


class ServiceQuery:
    """`service`: the service, its rating, and at most one page of its reviews."""

    parameters = ("row", "page")

    def __init__(self, root: Root, generator: CodeGenerator) -> None:
        if len(generator.arguments) > 1:  # a second page would take another statement
            raise HandOn
        self._root = root
        self._reviews = generator.arguments[0] if generator.arguments else None
        self._page_variables = self._reviews.variables if self._reviews else set()
        self._wants_total = bool(_TOTALS & generator.fields)
        self._wants_cursors = bool(_CURSORS & generator.fields)
        self._is_about_viewer = bool(ABOUT_VIEWER & generator.fields)
        counters = STAR_COUNTS if self._wants_total else ()
        # SQLite finds the reviews by the id of the service.
        self._columns = service_storefront.Columns.named(
            generator.columns.union(counters, ["its_id"])
        )
        self._fetch = sql.reader(service_storefront.TYPES)
        # The name of the variable that is the reference, if it is one.
        (argument,) = (each.value for each in root.field.nodes[0].arguments or ())
        self._ref_variable = argument.name.value if isinstance(argument, VariableNode) else None
        # For viewers who see only what is public, if no variable changes the page.
        self._public: tuple[ReviewsRequest | None, StorefrontStatement] | None = None

    async def answer(self, viewer: Viewer, variables: VariableValues, most: int) -> Any:
        if self._is_about_viewer and viewer.role not in PUBLIC_ONLY_ROLES:
            raise HandOn
        part, statement = self._statement(viewer, variables)
        rows = await self._fetch(*statement.bound_to(self._ref(variables)))
        if not rows:
            return None
        if part is None:
            return self._root.make(rows[0], None, most)
        reviews = await statement.reviews(self._fetch, rows)
        return self._root.make(rows[0], self._page(rows[0], reviews, part), most)

    def _ref(self, variables: VariableValues) -> Ref:
        given = variables.coerced.get(self._ref_variable) if self._ref_variable else None
        if given and "externalId" in given:
            return by_external_id(given["externalId"])
        named: NodeRef = self._root.field.arguments.bind(variables)["ref"]
        return named.as_ref("Service", "ref")

    def _statement(
        self, viewer: Viewer, variables: VariableValues
    ) -> tuple[ReviewsRequest | None, StorefrontStatement]:
        is_public = viewer.role in PUBLIC_ONLY_ROLES and self._page_variables.isdisjoint(
            variables.coerced
        )
        if is_public and self._public is not None:
            return self._public
        part = self._part(self._reviews.bind(variables)) if self._reviews else None
        if part is not None and not service_storefront.fits_one_statement(part):
            raise HandOn
        made = part, service_storefront.storefront_statement(viewer, part, self._columns)
        if is_public:
            self._public = made
        return made

    def _part(self, arguments: dict[str, Any]) -> ReviewsRequest:
        pages = {name: arguments.get(name) for name in ("first", "after", "last", "before", "page")}
        request = page_request(**pages)
        return ReviewsRequest(
            as_filter(arguments.get("filter")), arguments["order_by"], request, self._wants_total
        )

    def _page(self, service: Record, reviews: Sequence[Record], part: ReviewsRequest) -> _Page:
        sort = SORTS[part.sort]
        page = cut(reviews, part.request, sort)
        cursors = sort.cursors(page.rows) if self._wants_cursors else page.rows
        total = service_storefront.total_of(service, part)
        return _Page(page.rows, cursors, page.has_next, page.has_previous, total)


class RatingsQuery:
    """`ratingSummaries`: ratings for cards of services or of vendors."""

    parameters = ("rows",)

    def __init__(self, root: Root, generator: CodeGenerator) -> None:
        self._root = root
        self._columns = service_storefront.Columns.named(generator.columns).service
        self._fetch = sql.reader(service_storefront.TYPES)

    async def answer(self, _viewer: Viewer, variables: VariableValues, most: int) -> Any:
        named = refs_of_cards(**self._root.field.arguments.bind(variables))
        rows = await services.counters_by_refs(*named, columns=self._columns, fetch=self._fetch)
        return self._root.make(rows, most)


_TOTALS = {("ReviewConnection", "totalCount"), ("ReviewConnection", "totalCountIsExact")}
_CURSORS = {("ReviewEdge", "cursor"), ("PageInfo", "startCursor"), ("PageInfo", "endCursor")}


QUERIES: dict[str, Any] = {"service": ServiceQuery, "ratingSummaries": RatingsQuery}
