"""GraphiQL from installed files: the page loads nothing from other hosts."""

import json
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from candor.http.graphql_over_http import Incoming

_IDE = Path(__file__).parent / "ide"
_OWN = {"page.js", "page.css"}
_VENDOR = {path.name for path in (_IDE / "vendor").glob("*.min.*")}
# Besides its own files, only inline styles are allowed: GraphiQL's editor sets them by script.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
    " connect-src 'self'; img-src 'self' data:; font-src 'self' data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = '{\n  "Authorization": "Bearer "\n}'


class GraphiQL:
    """The page and its files, unless GraphiQL is disabled."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled

    def is_wanted(self, request: Incoming) -> bool:
        """Whether a GET comes from a browser that opened the API's address."""
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
        """A file of the page by its name. Raises HTTPException (404)."""
        name = request.path_params["name"]
        if self.enabled and name in _OWN:
            return FileResponse(_IDE / name)
        if self.enabled and name in _VENDOR:
            return FileResponse(_IDE / "vendor" / name, headers={"Cache-Control": "max-age=86400"})
        raise HTTPException(404)


def examples() -> dict[str, str]:
    """The example operations, in the order of their tabs."""
    files = sorted((_IDE / "examples").glob("*.graphql"))
    return {path.stem: path.read_text("utf-8") for path in files}


def _tabs() -> str:
    """The tabs as JSON that is safe in a script element. The first needs no token."""
    tabs = [
        {"query": text, "headers": _HEADERS if place else "{}"}
        for place, text in enumerate(examples().values())
    ]
    return json.dumps(tabs).replace("<", "\\u003c")
