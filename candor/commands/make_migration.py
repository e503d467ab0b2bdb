"""`candor make-migration`: writes the migration of a changed model."""

import asyncio
from pathlib import Path

import click

import models
from candor.commands.environment import settings
from models.new_migration import WouldFail, write_migration

_LONGEST = 60
_ROOT = Path(models.__file__).parent.parent


@click.command("make-migration")
@click.argument("about")
def make_migration(about: str) -> None:
    """Write the migration of changed models. It needs no database.

    ABOUT describes it in a few words, such as "the title of a review".
    """
    if settings().production:
        raise click.ClickException(
            "Make migrations in development, not with CANDOR_ENV=production."
        )
    if not (_ROOT / "pyproject.toml").is_file():
        raise click.ClickException("Make migrations in a clone of Candor; this one is installed.")
    about = " ".join(about.split())
    if not any(c.isascii() and c.isalnum() for c in about) or len(about) > _LONGEST:
        raise click.UsageError(f"ABOUT is a few words, {_LONGEST} characters at most.")
    if not all(c.isprintable() and c not in '"\\' for c in about):
        raise click.UsageError("ABOUT is plain words: no quotation marks, no backslash.")
    try:
        made = asyncio.run(write_migration(about))
    except WouldFail as error:
        raise click.ClickException(str(error)) from None
    if made is None:
        click.echo("The models have not changed since the last migration.")
        return
    for step in made.steps:
        click.echo(step)
    click.echo(f"Written: {made.path.relative_to(_ROOT)}. Read it, then: candor migrate")
