"""GraphiQL, from files of the installation: a page that asks no other host for anything."""

import json
import logging
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from candor import assets
from candor.assets import ASSETS, FOLDER, Asset
from candor.transport import Incoming

log = logging.getLogger("candor.graphiql")

_IDE = Path(__file__).parent / "ide"
_OWN = {"page.js", "page.css"}
# GraphiQL's editor sets styles from its script; that is all it is allowed beyond its own files.
_POLICY = (
    "default-src 'none'; script-src 'self'{cdn}; style-src 'self' 'unsafe-inline'{cdn};"
    " connect-src 'self'; img-src 'self' data:; font-src 'self' data:; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = '{\n  "Authorization": "Bearer "\n}'


class GraphiQL:
    """The page and its files, unless it is switched off."""

    def __init__(self, *, enabled: bool) -> None:
        self.enabled = enabled
        self._offline = assets.are_here()
        if enabled and not self._offline:
            log.warning("GraphiQL comes from a CDN: run `python -m candor.assets` to have it here.")

    def is_wanted(self, request: Incoming) -> bool:
        """Whether somebody looks at the API's address with a browser."""
        return (
            self.enabled
            and request.method == "GET"
            and "text/html" in request.headers.get("accept", "")
            and "query" not in request.query_params
        )

    def page(self) -> Response:
        styles = [asset for asset in ASSETS if asset.name.endswith(".css")]
        scripts = [asset for asset in ASSETS if asset.name.endswith(".js")]
        html = (_IDE / "page.html").read_text()
        for place, content in {
            "{styles}": "\n".join(self._style(asset) for asset in styles),
            "{scripts}": "\n".join(self._script(asset) for asset in scripts),
            "{tabs}": _tabs(),
        }.items():
            html = html.replace(place, content)
        cdn = "" if self._offline else f" {assets.CDN}/"
        headers = {
            "Content-Security-Policy": _POLICY.replace("{cdn}", cdn),
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
        if self.enabled and any(name == asset.name and asset.is_here for asset in ASSETS):
            return FileResponse(FOLDER / name, headers={"Cache-Control": "max-age=86400"})
        raise HTTPException(404)

    def _style(self, asset: Asset) -> str:
        return f'<link rel="stylesheet" href="{self._url(asset)}"{_integrity(asset)}>'

    def _script(self, asset: Asset) -> str:
        return f'<script src="{self._url(asset)}"{_integrity(asset)} defer></script>'

    def _url(self, asset: Asset) -> str:
        return f"/graphiql/{asset.name}" if self._offline else asset.cdn_url


def examples() -> dict[str, str]:
    """The example operations, in the order of their tabs."""
    return {path.stem: path.read_text() for path in sorted((_IDE / "examples").glob("*.graphql"))}


def _tabs() -> str:
    """The tabs as JSON that can stand in a script element. The first needs no token."""
    tabs = [
        {"query": text, "headers": _HEADERS if place else "{}"}
        for place, text in enumerate(examples().values())
    ]
    return json.dumps(tabs).replace("<", "\\u003c")


def _integrity(asset: Asset) -> str:
    return f' integrity="{asset.integrity}" crossorigin="anonymous"'
