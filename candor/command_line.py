"""The command `candor`."""

import asyncio
import os
import re
from collections.abc import Coroutine
from datetime import timedelta
from typing import IO, Any, TypeVar

import click

from candor import __version__
from candor.settings import BadSettings, Settings, from_environment

T = TypeVar("T")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def settings() -> Settings:
    """The environment's settings, or a clean exit that names the variable at fault."""
    try:
        return from_environment()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None


def settings_of_database() -> Settings:
    """The settings of a command that opens the database: it warns of one that may be lost."""
    configured = settings()
    if configured.production and configured.database_url == Settings.database_url:
        click.echo(
            "Warning: the database of this production is candor.sqlite3 in the folder where Candor"
            " was started. Say with CANDOR_DATABASE_URL where it is kept.",
            err=True,
        )
    return configured


def run_in_database(work: Coroutine[Any, Any, T]) -> T:
    """Run something with the configured database open, or exit with the reason why it is not."""
    try:
        return said(_in_database(settings_of_database().database_url, work))
    finally:
        work.close()  # when it was not begun


def said(work: Coroutine[Any, Any, T]) -> T:
    """Run something; why its database cannot be used becomes a clean exit."""
    from models.reaching import NoDatabase  # noqa: PLC0415 - `candor token` needs no database

    try:
        return asyncio.run(work)
    except NoDatabase as error:
        raise click.ClickException(str(error)) from None


async def _in_database(url: str, work: Coroutine[Any, Any, T]) -> T:
    from models.database import opened  # noqa: PLC0415
    from models.migrating import pending  # noqa: PLC0415
    from models.reaching import reach, used  # noqa: PLC0415

    await reach(url)
    with used(url):
        async with opened(url):
            if missing := await pending(url):
                names = ", ".join(missing)
                raise click.ClickException(f"Migrations are pending: {names}. Run candor migrate.")
            return await work


def cannot_listen(host: str, port: int, error: OSError) -> click.ClickException:
    """The clean exit of a command that wanted to listen there."""
    # The number of a name that is unknown is no error of the system.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return click.ClickException(f"Nothing can listen at {host}:{port}: {reason}.")


class Duration(click.ParamType[timedelta]):
    """`90s`, `15m`, `1h`, `30d`."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        if isinstance(value, timedelta):
            return value
        parts = re.fullmatch(r"(\d{1,9})([smhd])", str(value))
        if not parts or not int(parts[1]):
            self.fail("give a number and a unit, such as 90s, 15m, 1h or 30d", param, ctx)
        return timedelta(**{_UNITS[parts[2]]: int(parts[1])})


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="candor")
def main() -> None:
    """Honest ratings and reviews as a service that a marketplace runs itself."""


@main.command()
def migrate() -> None:
    """Bring the database to the newest migration. Safe when several start at once."""
    from models.migrating import bring_up_to_date  # noqa: PLC0415

    said(bring_up_to_date(settings_of_database().database_url))
    click.echo("The database is up to date.", err=True)


@main.command()
@click.option(
    "--against",
    type=click.File(),
    help="An older schema: list what breaks its clients instead, and exit 1 if anything does.",
)
def schema(against: IO[str] | None) -> None:
    """Print the schema (SDL)."""
    from graphql import build_schema, find_breaking_changes  # noqa: PLC0415

    from schema.api import printed  # noqa: PLC0415

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
@click.option("--role", required=True, type=click.Choice(["customer", "vendor", "staff", "admin"]))
@click.option("--id", "id_", required=True, help="The person's id in the marketplace.")
@click.option("--vendor", help="The vendor's id, for the role vendor; the person's own by default.")
@click.option("--name", help="The person's name.")
@click.option("--email", help="The person's e-mail address.")
@click.option(
    "--ttl", default="1h", type=Duration(), help="How long it is valid: 90s, 15m, 1h, 30d."
)
def token(role: str, id_: str, vendor: str | None, ttl: timedelta, **claims: str | None) -> None:
    """Sign a token with the configured secret, and print it alone on one line."""
    from candor.tokens import sign  # noqa: PLC0415

    if vendor is not None and role != "vendor":
        raise click.UsageError("--vendor belongs to --role vendor.")
    known = {name: value for name, value in claims.items() if value is not None}
    if role == "vendor":
        known["vendor"] = vendor or id_
    click.echo(sign(settings(), {"sub": id_, "role": role, **known}, ttl))


def _register() -> None:
    from candor.commands.check import check  # noqa: PLC0415 - they use what stands above
    from candor.commands.import_files import import_  # noqa: PLC0415
    from candor.commands.key import key  # noqa: PLC0415
    from candor.commands.mails import mails  # noqa: PLC0415
    from candor.commands.serve import serve  # noqa: PLC0415
    from candor.commands.site_settings import settings_  # noqa: PLC0415
    from candor.commands.worker import worker  # noqa: PLC0415

    for command in (check, import_, key, mails, serve, settings_, worker):
        main.add_command(command)


_register()
