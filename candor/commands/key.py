"""`candor key`: API keys for programs."""

from datetime import timedelta

import click

from candor.callers.tokens import new_key
from candor.commands.duration import Duration
from candor.commands.environment import run_in_database
from models import ApiKey, Scope, clock
from resolvers import user_text
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
@click.option("--expires", type=Duration(), help="How long it is valid, such as 90d; for ever.")
def create(
    name: str, scopes: tuple[str, ...], vendor: str | None, expires: timedelta | None
) -> None:
    """Make a key and print it, once: only its hash is stored.

    READ is for shops that render on a server: it sees what everybody sees, and has 50 times the
    budget of an address. ORDERS_WRITE sends orders, and reads them. TEAM_WRITE says who is in the
    team (upsertTeamMembers), but makes and ends no admins.

    A vendor with a key of --vendor and ORDERS_WRITE says who its buyers are, and so who may
    review it: its reviews are worth as much as that vendor's word. Such a key changes nothing of
    orders that are reviewed or can be, except to refund them, and nothing of persons that other
    vendors' orders refer to; each status that it changes is recorded in the tracking log.
    """
    if vendor is not None and Scope.ORDERS_WRITE not in scopes:
        raise click.UsageError("--vendor belongs to --scope ORDERS_WRITE.")
    if vendor is not None and Scope.TEAM_WRITE in scopes:
        raise click.UsageError("A vendor's key does not say who is in the team: no TEAM_WRITE.")
    click.echo(run_in_database(_create(name, scopes, vendor, expires)))


@key.command(name="list")
def list_() -> None:
    """List the keys, without the keys themselves: name, scopes, whose orders, whether it is
    active, until when, and when it was used last (UTC, to the minute).
    """
    for row in run_in_database(_all()):
        click.echo("\t".join(_columns(row)))


@key.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a key, at once."""
    if not run_in_database(_revoke(name)):
        raise click.ClickException(f"There is no active key named {name}.")
    click.echo(f"The key {name} was revoked.", err=True)


def _columns(row: ApiKey) -> tuple[str, ...]:
    now, everybody = clock.now(), "all vendors" if Scope.ORDERS_WRITE in row.scope_names else "none"
    state = "active"
    if row.revoked_at is not None:
        state = f"revoked {row.revoked_at:%Y-%m-%d}"
    elif row.valid_until is not None and row.valid_until <= now:
        state = "expired"
    until, used = row.valid_until, row.last_used_at
    return (
        row.name,
        row.scopes,
        row.vendor or everybody,
        state,
        f"until {until:%Y-%m-%d %H:%M}" if until else "never expires",
        f"used {used:%Y-%m-%d %H:%M}" if used else "never used",
    )


async def _create(
    name: str, scopes: tuple[str, ...], vendor: str | None, expires: timedelta | None
) -> str:
    try:
        user_text.identifier(name)
        if vendor is not None:
            user_text.identifier(vendor)
    except Invalid as error:
        raise click.ClickException(error.message) from None
    if len(name) > 100 or await ApiKey.exists(name=name):
        raise click.ClickException(f"There is a key named {name} already, or the name is too long.")
    made, digest = new_key()
    now = clock.now()
    await ApiKey.create(
        name=name,
        digest=digest,
        scopes=" ".join(sorted(set(scopes))),
        vendor=vendor,
        created_at=now,
        valid_until=now + expires if expires else None,
    )
    return made


async def _all() -> list[ApiKey]:
    return await ApiKey.all().order_by("created_at")


async def _revoke(name: str) -> int:
    return await ApiKey.filter(name=name, revoked_at=None).update(revoked_at=clock.now())
