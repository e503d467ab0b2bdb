"""What commands share: the settings, the database, and exits that say what is wrong."""

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
    """The clean exit of a command that wanted to listen there."""
    # The number of a name that is unknown is no error of the system.
    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
    return click.ClickException(f"Nothing can listen at {host}:{port}: {reason}.")
