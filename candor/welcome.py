"""What happens before the server listens, and what it says then."""

from datetime import timedelta

import click

from candor import demo as marketplace
from candor.settings import Settings
from candor.tokens import sign
from models.database import opened
from models.migrating import migrate

_DEMO_TTL = timedelta(hours=12)


async def prepare(settings: Settings, *, address: str, demo: bool) -> None:
    """Bring the database up to date, load the demo if asked to, and tell where everything is."""
    await migrate(settings.database_url)
    click.echo(
        f"Candor answers at {address}/graphql (the schema: {address}/graphql/schema.graphql)"
    )
    if not demo:
        return
    async with opened(settings.database_url):
        loaded = await marketplace.load()
    if loaded:
        click.echo("A demo marketplace was loaded.")
    click.echo(
        f"\nTokens of the demo, valid for 12 hours. {marketplace.OPEN_ORDER} waits for a review."
    )
    for title, claims in _CAST.items():
        click.echo(f'\n{title}:\n{{"Authorization": "Bearer {sign(settings, claims, _DEMO_TTL)}"}}')
    click.echo("")


_CAST = {
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
