"""What `candor serve` does and prints before it answers requests."""

from datetime import timedelta

import click

from candor.callers.tokens import sign
from candor.commands import demo as marketplace
from candor.settings import Settings
from mailers.letters import signed_links
from mailers.letters.signed_links import Claim, Purpose
from models import Order, clock
from models.database import opened
from models.migrating import bring_up_to_date
from models.reaching import in_use

_DEMO_TTL = timedelta(hours=12)


def browser_url(host: str, port: int) -> str:
    """The URL for a browser on this machine. A wildcard address becomes the loopback address."""
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"


async def prepare(settings: Settings, *, address: str, demo: bool) -> None:
    """Migrate the database, load the demo if wanted, and print the addresses."""
    await bring_up_to_date(settings.database_url)
    schema = f" (the schema: {address}/graphql/schema.graphql)" if settings.introspection else ""
    click.echo(f"Candor answers at {address}/graphql{schema}")
    if not demo:
        return
    with in_use(settings.database_url):
        async with opened(settings.database_url):
            loaded = await marketplace.load()
            link = await _link(settings)
    if loaded:
        click.echo("A demo marketplace was loaded.")
    click.echo(
        f"\nTokens of the demo, valid for 12 hours. {marketplace.OPEN_ORDER} waits for a review."
    )
    for title, claims in _DEMO_USERS.items():
        click.echo(f'\n{title}:\n{{"Authorization": "Bearer {sign(settings, claims, _DEMO_TTL)}"}}')
    if link is not None:
        click.echo(f"\nMaria's link from the mail that reminds her to review: {address}{link}")
    click.echo("")


async def _link(settings: Settings) -> str | None:
    """The path of the page that reviews the open order without a login."""
    order = await Order.get_or_none(external_id=marketplace.OPEN_ORDER)
    if order is None:
        return None
    expires_at = clock.now() + _DEMO_TTL
    claim = Claim(Purpose.REVIEW, order.id, order.link_version, expires_at=expires_at)
    return f"/r/{signed_links.sign(settings.secret, claim)}"


_DEMO_USERS = {
    "Customer Maria": {"sub": marketplace.CUSTOMER, "role": "customer", "name": "Maria Souza"},
    "Vendor Atelier Nord": {
        "sub": marketplace.VENDOR,
        "role": "vendor",
        "vendor": marketplace.VENDOR,
        "name": "Atelier Nord",
    },
    "Team member Sam": {"sub": marketplace.TEAM_MEMBER, "role": "staff", "name": "Sam Okafor"},
    "Admin Ada": {"sub": marketplace.ADMIN, "role": "admin", "name": "Ada Lang"},
}
