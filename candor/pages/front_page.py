"""The page at `/` for people who open the address in a browser, and its icon."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from candor.pages import languages, rendering

_ICON = Path(__file__).parent / "icon.ico"
# Browsers request the icon unasked; the policy must allow it.
_POLICY = f"{rendering.HEADERS['Content-Security-Policy']}; img-src 'self'"


class FrontPage:
    """Says what this is and links to what is switched on. Needs no database."""

    def __init__(self, *, graphiql: bool, sdl: bool) -> None:
        self._graphiql, self._sdl = graphiql, sdl

    def routes(self) -> list[Route]:
        return [Route("/", self.page), Route("/favicon.ico", self.icon)]

    async def page(self, request: Request) -> Response:
        return rendering.page(
            "front",
            languages.chosen(request),
            headers={"Content-Security-Policy": _POLICY},
            graphiql=self._graphiql,
            sdl=self._sdl,
        )

    async def icon(self, _request: Request) -> Response:
        headers = {"Cache-Control": "max-age=86400"}
        return FileResponse(_ICON, media_type="image/x-icon", headers=headers)
