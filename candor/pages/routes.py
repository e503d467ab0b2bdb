"""The door of all pages: who may come in, what is read, and what goes wrong kindly."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from candor.callers.budgets import Budgets, Caller
from candor.errors import OperationTimeout, Outage, RequestError, masked
from candor.pages import forms, languages, rendering
from candor.pages.forms import Form
from candor.pages.page_request import Visit
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

# Points of a visit: a link is opened a few hundred times a minute at most.
_COST = 50
Page = Callable[[Visit], Awaitable[HTMLResponse]]
ReadForm = Callable[[Request], Awaitable[Form]]


class Pages:
    """The pages that links in mails lead to. The token in the address is the only credential."""

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

        # A path, for a link may come with anything behind its token.
        return Route(f"/{name}/{{token:path}}", answer, methods=["GET", "POST"])

    async def _answer(
        self, request: Request, purpose: Purpose, page: Page, read_form: ReadForm
    ) -> Response:
        with watched() as stored:
            return await self._told(request, stored, self._shown(request, purpose, page, read_form))

    async def _told(
        self, request: Request, stored: Outcome, shown: Awaitable[Response]
    ) -> Response:
        """The page, or what is known of why there is none."""
        try:
            return await shown
        except BadLink as error:
            return await self._unknown(request, error)
        except RequestError as error:
            return _sorry(request, error.code, error.status or 400, error.headers)
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - the last place where a bug can be masked
            masked(error)
            code = "INTERNAL_SERVER_ERROR" if stored.is_nothing else OutcomeUnknown.code
            return _sorry(request, code, 500)

    async def _shown(
        self, request: Request, purpose: Purpose, page: Page, read_form: ReadForm
    ) -> Response:
        """Raises Outage and OperationTimeout for what the database does not do in time."""
        with watched() as stored:
            try:
                async with asyncio.timeout(self._settings.operation_seconds):
                    visit = await self._visit(request, purpose, read_form)
                    return await retry_once(partial(page, visit))
            except Unavailable as trouble:
                raise Outage.of(trouble) from None
            except TimeoutError:
                if stored.is_nothing:
                    raise OperationTimeout from None
                raise Outage(OutcomeUnknown()) from None

    async def _visit(self, request: Request, purpose: Purpose, read_form: ReadForm) -> Visit:
        secret, previous = self._settings.secret, self._settings.secret_previous
        claim = read(secret, request.path_params["token"], purpose, previous=previous)
        if self._budgets is not None:
            holder = Caller(Viewer(Role.GUEST, order_id=claim.subject))
            await self._budgets.spend(holder, cost=_COST, guesses=0)
        form = await read_form(request) if request.method == "POST" else None
        return Visit(request, claim, await site_settings.current(), form)

    async def _unknown(self, request: Request, error: BadLink) -> Response:
        """Every bad token is a guess, and there are few of them."""
        try:
            if self._budgets is not None:
                await self._budgets.guess(request.client.host if request.client else "")
        except RequestError as refused:
            return _sorry(request, refused.code, 429, refused.headers)
        return _sorry(request, "EXPIRED" if isinstance(error, ExpiredLink) else "NOT_FOUND", 404)


def _sorry(
    request: Request, code: str, status: int, headers: dict[str, str] | None = None
) -> HTMLResponse:
    language = languages.chosen(request)
    return rendering.page("sorry", language, status=status, headers=headers, code=code)
