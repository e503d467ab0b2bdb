"""What every mail needs of the site: its name, its settings, and its links."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from mailers.catalogue import Category
from mailers.configuration import MailConfig
from mailers.letters.reads import Reads
from mailers.letters.signed_links import Claim, Purpose, sign
from mailers.letters.stable_secret import stable_secret
from models import OrderUpdate, Review, SiteSettings, clock, sql, token_text
from models.public_id import public_id

# Life of a link whose window never closes.
UNLIMITED = timedelta(days=365)
CATEGORIES = tuple(Category)

_SETTINGS = f"SELECT {sql.columns(SiteSettings, 's')} FROM site_settings s WHERE s.key = 'site'"


@dataclass(frozen=True)
class Site:
    settings: SiteSettings
    config: MailConfig
    # Keys stored digests; None stands for the current secret.
    stable_secret: str | None = None
    # Rows read for several mails at once, by id; None for rows that do not exist.
    rows: dict[UUID, Any] = field(default_factory=dict)
    reads: Reads = field(default_factory=Reads)

    @classmethod
    async def load(cls, config: MailConfig) -> "Site":
        stored = await sql.objects(SiteSettings, _SETTINGS)
        settings = stored[0] if stored else SiteSettings()
        return cls(settings, config, await stable_secret(config))

    @property
    def digests_secret(self) -> str:
        return self.stable_secret or self.config.secret

    @property
    def name(self) -> str:
        return self.settings.site_name

    @property
    def url(self) -> str:
        """The marketplace's address, else that of Candor's own front page."""
        return self.settings.configured_url or self._public

    def review_link(
        self,
        *,
        order_id: UUID,
        order_number: str,
        service_number: str,
        version: int,
        closes_at: datetime | None,
    ) -> str:
        """Where a guest reviews an order, until the window closes."""
        expires_at = closes_at or clock.now() + UNLIMITED
        claim = Claim(Purpose.REVIEW, order_id, version, expires_at=expires_at)
        token = sign(self.config.secret, claim)
        values = {"token": token, "order_id": order_number, "service_id": service_number}
        return self._page(self.settings.review_url_template, f"/r/{token}", values)

    def update_link(
        self, *, update_id: UUID, order_number: str, version: int, solve: int, expires_at: datetime
    ) -> str:
        """Where a guest rates a solved update, or says that there is still an issue."""
        claim = Claim(Purpose.RATE_UPDATE, update_id, version, solve, expires_at)
        token = sign(self.config.secret, claim)
        values = {"token": token, "order_id": order_number, "update_id": str(update_id)}
        return self._page(self.settings.update_url_template, f"/u/{token}", values)

    def vendor_review(self, review: Review) -> str | None:
        """Where the vendor reads a review; None without the setting."""
        return _place(self.settings.vendor_review_url_template, review=review)

    def team_review(self, review: Review | None) -> str | None:
        """Where the team decides about a review, or about all that wait."""
        return _place(self.settings.team_review_url_template, review=review)

    def team_update(self, update: OrderUpdate) -> str | None:
        """Where the team answers an update."""
        return _place(self.settings.team_update_url_template, update=update)

    def unsubscribe_link(self, *, recipient: str, category: Category) -> str:
        """The one-click link for a recipient (a hash) and a category; it never expires."""
        number = CATEGORIES.index(category)
        claim = Claim(Purpose.UNSUBSCRIBE, UUID(hex=recipient), number=number)
        return f"{self._public}/unsubscribe/{sign(self.config.secret, claim)}"

    @property
    def _public(self) -> str:
        return self.config.public_url.rstrip("/")

    def _page(self, template: str | None, built_in: str, values: dict[str, str]) -> str:
        if template is None:
            return self._public + built_in
        encoded = {name: quote(value, safe="") for name, value in values.items()}
        return token_text.filled(template, encoded)


def _place(
    template: str | None, *, review: Review | None = None, update: OrderUpdate | None = None
) -> str | None:
    """The address for these rows; a token without a value becomes empty."""
    if template is None:
        return None
    order = review.order if review else update.order if update else None
    values = {
        "review_id": public_id("Review", review.id) if review else "",
        "update_id": public_id("OrderUpdate", update.id) if update else "",
        "order_id": quote(order.external_id, safe="") if order else "",
    }
    return token_text.filled(template, values)


def preselected(link: str, **stars: int) -> str:
    """The link with stars preselected; nothing is stored until the form is sent."""
    address, mark, fragment = link.partition("#")
    query = "&".join(f"{name}={value}" for name, value in stars.items())
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"


def category_of(claim: Claim) -> Category:
    """The category that an unsubscribe link is about."""
    return CATEGORIES[claim.number]
