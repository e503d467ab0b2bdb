"""`candor key`: API keys for programs."""

import click

from candor.command_line import run_in_database
from candor.tokens import new_key
from models import ApiKey, Scope, clock
from resolvers import text
from resolvers.errors import Invalid


@click.group()
def key() -> None:
    """Make, list and revoke API keys."""


@key.command()
@click.option("--name", required=True, help="What the key is for; unique.")
@click.option(
    "--scope",
    "scopes",
    required=True,
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the key may do; may be repeated.",
)
@click.option(
    "--vendor",
    help="Bind the key to one vendor, by the marketplace's id: it writes its orders alone.",
)
def create(name: str, scopes: tuple[str, ...], vendor: str | None) -> None:
    """Make a key and print it, once: only its hash is stored.

    A vendor who holds a key with --vendor and ORDERS_WRITE says who its buyers are, and so who may
    review it: its reviews are worth what that vendor's word is worth. Such a key changes nothing of
    orders that are reviewed or can be, but to refund them, and nothing of persons whom other
    vendors' orders know; each status that it changes stands in the tracking log.
    """
    click.echo(run_in_database(_create(name, scopes, vendor)))


@key.command(name="list")
def list_() -> None:
    """List the keys, without the keys themselves."""
    for row in run_in_database(_all()):
        state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else "active"
        click.echo(f"{row.name}\t{row.scopes}\t{row.vendor or 'all vendors'}\t{state}")


@key.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a key: from now on it is refused."""
    if not run_in_database(_revoke(name)):
        raise click.ClickException(f"There is no active key named {name}.")
    click.echo(f"The key {name} was revoked.", err=True)


async def _create(name: str, scopes: tuple[str, ...], vendor: str | None) -> str:
    try:
        text.identifier(name)
        if vendor is not None:
            text.identifier(vendor)
    except Invalid as error:
        raise click.ClickException(error.message) from None
    if len(name) > 100 or await ApiKey.exists(name=name):
        raise click.ClickException(f"There is a key named {name} already, or the name is too long.")
    made, digest = new_key()
    await ApiKey.create(
        name=name,
        digest=digest,
        scopes=" ".join(sorted(set(scopes))),
        vendor=vendor,
        created_at=clock.now(),
    )
    return made


async def _all() -> list[ApiKey]:
    return await ApiKey.all().order_by("created_at")


async def _revoke(name: str) -> int:
    return await ApiKey.filter(name=name, revoked_at=None).update(revoked_at=clock.now())
