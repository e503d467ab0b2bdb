"""One request for a page: the link's claim, the site's settings and the submitted form."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from candor.pages import languages, rendering
from candor.pages.forms import Form
from mailers.letters.signed_links import Claim
from models import SiteSettings


@dataclass(frozen=True)
class PageRequest:
    """A request with a valid signed link. `form` is None unless it is a POST."""

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
        """The stars tapped in the mail, or 0. They preselect the form and are not stored."""
        stars = self.request.query_params.get(name, "")
        return int(stars) if stars in {"1", "2", "3", "4", "5"} else 0

    @property
    def wants_to_edit(self) -> bool:
        """Whether the stored review's page led to its form."""
        return self.request.query_params.get("edit") == "1"
