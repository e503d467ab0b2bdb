"""The command `candor` and its subcommands."""

from datetime import timedelta
from typing import IO

import click
from graphql import build_schema, find_breaking_changes

from candor import __version__
from candor.callers.tokens import sign
from candor.commands.check import check
from candor.commands.duration import Duration
from candor.commands.environment import database_settings, run_or_exit, settings
from candor.commands.import_files import import_
from candor.commands.key import key
from candor.commands.links import links
from candor.commands.mails import mails
from candor.commands.make_migration import make_migration
from candor.commands.serve import serve
from candor.commands.site_settings import settings_
from candor.commands.worker import worker
from candor.settings.claim_names import ROLES
from models.migrating import bring_up_to_date
from schema.api import printed


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="candor")
def main() -> None:
    """Honest ratings and reviews as a service that a marketplace runs itself."""


@main.command()
def migrate() -> None:
    """Migrate the database to the newest version. Several may safely start at once."""
    run_or_exit(bring_up_to_date(database_settings().database_url))
    click.echo("The database is up to date.", err=True)


@main.command()
@click.option(
    "--against",
    type=click.File(),
    help="An older schema: list what breaks its clients instead, and exit 1 if anything does.",
)
def schema(against: IO[str] | None) -> None:
    """Print the schema (SDL)."""
    if against is None:
        click.echo(printed())
        return
    changes = find_breaking_changes(build_schema(against.read()), build_schema(printed()))
    for change in changes:
        click.echo(f"{change.type.name}: {change.description}")
    if changes:
        raise SystemExit(1)
    click.echo("Nothing breaks.")


@main.command()
@click.option("--role", required=True, type=click.Choice(ROLES))
@click.option("--id", "id_", required=True, help="The person's id in the marketplace.")
@click.option("--vendor", help="The vendor's id, for the role vendor; the person's own by default.")
@click.option("--name", help="The person's name.")
@click.option("--email", help="The person's e-mail address.")
@click.option(
    "--ttl", default="1h", type=Duration(), help="How long it is valid: 90s, 15m, 1h, 30d."
)
def token(role: str, id_: str, vendor: str | None, ttl: timedelta, **claims: str | None) -> None:
    """Sign a token with the configured secret, and print it alone on one line."""
    if vendor is not None and role != "vendor":
        raise click.UsageError("--vendor belongs to --role vendor.")
    known = {name: value for name, value in claims.items() if value is not None}
    if role == "vendor":
        known["vendor"] = vendor or id_
    click.echo(sign(settings(), {"sub": id_, "role": role, **known}, ttl))


for command in (check, import_, key, links, mails, make_migration, serve, settings_, worker):
    main.add_command(command)
