"""What commands share: the configuration, the database, and exits with a clear message."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

import click

from candor.settings import BadSettings, Settings, from_environment
from models.database import opened
from models.migrating import pending
from models.reaching import NoDatabase, connect, in_use

T = TypeVar("T")


def settings() -> Settings:
    """The configuration, or an exit that names the invalid variable."""
    try:
        return from_environment()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None


def database_settings() -> Settings:
    """The configuration of a command that uses the database.

    Warns when production uses the default SQLite file, which is easily lost.
    """
    configured = settings()
    if configured.production and configured.database_url == Settings.database_url:
        click.echo(
            "Warning: the database of this production is candor.sqlite3 in the folder where Candor"
            " was started. Say with CANDOR_DATABASE_URL where it is kept.",
            err=True,
        )
    return configured


def run_in_database(work: Coroutine[Any, Any, T]) -> T:
    """Run work with the configured database open, or exit with the reason why it cannot be used."""
    try:
        return run_or_exit(_in_database(database_settings().database_url, work))
    finally:
        work.close()  # in case it was never started


def run_or_exit(work: Coroutine[Any, Any, T]) -> T:
    """Run work; exit with the reason if its database cannot be used."""
    try:
        return asyncio.run(work)
    except NoDatabase as error:
        raise click.ClickException(str(error)) from None


async def _in_database(url: str, work: Coroutine[Any, Any, T]) -> T:
    await connect(url)
    with in_use(url):
        async with opened(url):
            if missing := await pending(url):
                names = ", ".join(missing)
                raise click.ClickException(f"Migrations are pending: {names}. Run candor migrate.")
            return await work


def cannot_listen(host: str, port: int, error: OSError) -> click.ClickException:
    """The exit of a command that cannot listen there."""
    # getaddrinfo's numbers are negative and no errno.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return click.ClickException(f"Nothing can listen at {host}:{port}: {reason}.")
