"""GraphiQL, from files of the installation: a page that asks no other host for anything."""

import json
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from candor.http.graphql_over_http import Incoming

_IDE = Path(__file__).parent / "ide"
_OWN = {"page.js", "page.css"}
_VENDOR = {path.name for path in (_IDE / "vendor").glob("*.min.*")}
# GraphiQL's editor sets styles from its script; that is all it is allowed beyond its own files.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " connect-src 'self'; img-src 'self' data:; font-src 'self' data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = '{\n  "Authorization": "Bearer "\n}'


class GraphiQL:
    """The page and its files, unless it is switched off."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled

    def is_wanted(self, request: Incoming) -> bool:
        """Whether a GET is somebody's who looks at the API's address with a browser."""
        return (
            self.enabled
            and "text/html" in request.headers.get("accept", "")
            and "query" not in request.query_params
        )

    def page(self) -> Response:
        html = (_IDE / "page.html").read_text("utf-8").replace("{tabs}", _tabs())
        headers = {
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        return HTMLResponse(html, headers=headers)

    async def file(self, request: Request) -> Response:
        """A file of the page, known by its name. Raises HTTPException (404)."""
        name = request.path_params["name"]
        if self.enabled and name in _OWN:
            return FileResponse(_IDE / name)
        if self.enabled and name in _VENDOR:
            return FileResponse(_IDE / "vendor" / name, headers={"Cache-Control": "max-age=86400"})
        raise HTTPException(404)


def examples() -> dict[str, str]:
    """The example operations, in the order of their tabs."""
    found = sorted((_IDE / "examples").glob("*.graphql"))
    return {path.stem: path.read_text("utf-8") for path in found}


def _tabs() -> str:
    """The tabs as JSON that can stand in a script element. The first needs no token."""
    tabs = [
        {"query": text, "headers": _HEADERS if place else "{}"}
        for place, text in enumerate(examples().values())
    ]
    return json.dumps(tabs).replace("<", "\\u003c")
