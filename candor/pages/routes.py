"""Routes, budgets and error pages of the HTML pages."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from candor.callers.budgets import Budgets, Caller
from candor.errors import OperationTimeout, Outage, RequestError
from candor.masking import masked
from candor.pages import forms, languages, rendering
from candor.pages.forms import Form
from candor.pages.page_request import PageRequest
from candor.pages.review_page import review_page
from candor.pages.unsubscribe_page import unsubscribe_page
from candor.pages.update_page import update_page
from candor.settings import Settings
from mailers.letters.signed_links import BadLink, ExpiredLink, Purpose, read
from models.outcome import Outcome, retry_once, watched
from models.unavailable import Unavailable
from resolvers import site_settings
from resolvers.errors import OutcomeUnknown
from resolvers.viewer import Role, Viewer

# Points of a request: bounds a link to a few hundred requests a minute.
_COST = 50
Page = Callable[[PageRequest], Awaitable[HTMLResponse]]
ReadForm = Callable[[Request], Awaitable[Form]]


class Pages:
    """The pages that links in mails open. The token in the path is the only credential."""

    def __init__(self, settings: Settings, budgets: Budgets | None) -> None:
        self._settings = settings
        self._budgets = budgets

    def routes(self) -> list[Route]:
        return [
            self._route("r", Purpose.REVIEW, review_page),
            self._route("u", Purpose.RATE_UPDATE, update_page),
            self._route("unsubscribe", Purpose.UNSUBSCRIBE, unsubscribe_page, forms.read_click),
        ]

    def _route(
        self, name: str, purpose: Purpose, page: Page, read_form: ReadForm = forms.read
    ) -> Route:
        async def answer(request: Request) -> Response:
            return await self._answer(request, purpose, page, read_form)

        # `path`, because mail programs glue anything to the end of a token.
        return Route(f"/{name}/{{token:path}}", answer, methods=["GET", "POST"])

    async def _answer(
        self, request: Request, purpose: Purpose, page: Page, read_form: ReadForm
    ) -> Response:
        with watched() as stored:
            return await self._answer_or_error(
                request, stored, self._render(request, purpose, page, read_form)
            )

    async def _answer_or_error(
        self, request: Request, stored: Outcome, response: Awaitable[Response]
    ) -> Response:
        """The page, or an error page that claims no more than is known."""
        try:
            return await response
        except BadLink as error:
            return await self._bad_link(request, error)
        except RequestError as error:
            return _error_page(request, error.code, error.status or 400, error.headers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the last place to mask a bug
            masked(error)
            code = "INTERNAL_SERVER_ERROR" if stored.is_nothing else OutcomeUnknown.code
            return _error_page(request, code, 500)

    async def _render(
        self, request: Request, purpose: Purpose, page: Page, read_form: ReadForm
    ) -> Response:
        """Raises Outage, or OperationTimeout if nothing was stored in time."""
        with watched() as stored:
            try:
                async with asyncio.timeout(self._settings.operation_seconds):
                    page_request = await self._page_request(request, purpose, read_form)
                    return await retry_once(partial(page, page_request))
            except Unavailable as outage:
                raise Outage.of(outage) from None
            except TimeoutError:
                if stored.is_nothing:
                    raise OperationTimeout from None
                raise Outage(OutcomeUnknown()) from None

    async def _page_request(
        self, request: Request, purpose: Purpose, read_form: ReadForm
    ) -> PageRequest:
        secret, previous = self._settings.secret, self._settings.secret_previous
        claim = read(secret, request.path_params["token"], purpose, previous=previous)
        if self._budgets is not None:
            guest = Caller(Viewer(Role.GUEST, order_id=claim.subject))
            await self._budgets.spend(guest, cost=_COST, guesses=0)
        form = await read_form(request) if request.method == "POST" else None
        return PageRequest(request, claim, await site_settings.current(), form)

    async def _bad_link(self, request: Request, error: BadLink) -> Response:
        """The error page for an invalid token, which counts as a guess."""
        try:
            if self._budgets is not None:
                await self._budgets.guess(request.client.host if request.client else "")
        except RequestError as limit:
            return _error_page(request, limit.code, 429, limit.headers)
        return _error_page(
            request, "EXPIRED" if isinstance(error, ExpiredLink) else "NOT_FOUND", 404
        )


def _error_page(
    request: Request, code: str, status: int, headers: dict[str, str] | None = None
) -> HTMLResponse:
    language = languages.chosen(request)
    return rendering.page("sorry", language, status=status, headers=headers, code=code)
