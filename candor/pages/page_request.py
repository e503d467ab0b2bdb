"""One request for a page: whose link it is, what was sent, and who pays for it."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from candor.pages import languages, rendering
from candor.pages.forms import Form
from mailers.letters.signed_links import Claim
from models import SiteSettings


@dataclass(frozen=True)
class Visit:
    """Somebody with a link that we signed. `form` is there for a POST alone."""

    request: Request
    claim: Claim
    site: SiteSettings
    form: Form | None = None

    def page(
        self, name: str, *, locale: str | None = None, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page of the site, in the reader's language."""
        language = languages.chosen(self.request, locale)
        return rendering.page(name, language, status=status, site=self.site, **values)

    def preselected(self, name: str) -> int:
        """The star that was tapped in the mail: chosen in the form, stored nowhere."""
        found = self.request.query_params.get(name, "")
        return int(found) if found in {"1", "2", "3", "4", "5"} else 0
