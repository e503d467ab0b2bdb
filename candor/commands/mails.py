"""`candor mails`: look at every mail with example data, or send one to a real inbox."""

import asyncio
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from tortoise import Tortoise

from candor.commands.environment import cannot_listen, settings
from candor.mail_worker import configuration
from mailers.catalogue import CATALOGUE
from mailers.letters import translations
from mailers.smtp.verdict import Outcome
from mailers.worker import previews
from models.database import configuration as database
from models.email_address import normalised


class _Mails(click.Group):
    """`candor mails FOLDER` is short for `candor mails render FOLDER`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands:
            args = ["render", *args]
        return super().resolve_command(ctx, args)


@click.group(cls=_Mails, invoke_without_command=True)
@click.option("--serve", is_flag=True, help="Serve them on this machine instead of a folder.")
@click.option("--port", default=8025, show_default=True, type=click.IntRange(0, 65535))
@click.pass_context
def mails(context: click.Context, port: int, *, serve: bool) -> None:
    """Render every mail, in every language, light and dark, with friendly and hostile texts.

    `candor mails FOLDER` writes a page per mail and an index into a folder.
    """
    # The examples are rows of models that know each other; nothing is read or written.
    asyncio.run(Tortoise.init(database("sqlite://:memory:")))
    if context.invoked_subcommand is not None:
        return
    if not serve:
        raise click.UsageError("Name a folder, or say --serve.")
    with TemporaryDirectory() as folder:
        previews.write_previews(Path(folder), configuration(settings()))
        _serve(folder, port)


@mails.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def render(folder: Path) -> None:
    """Write a page per mail and an index into a folder."""
    try:
        click.echo(previews.write_previews(folder, configuration(settings())))
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be written: {error.strerror}.") from None


@mails.command()
@click.option("--to", required=True, help="The address that the mail goes to.")
@click.option("--mail", type=click.Choice(list(CATALOGUE)), help="One of them; all by default.")
@click.option(
    "--language", default="en", show_default=True, type=click.Choice(translations.languages())
)
def send(to: str, mail: str | None, language: str) -> None:
    """Send mails with example data to a real inbox, by CANDOR_SMTP_URL."""
    try:
        address = normalised(to)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from None
    for name in [mail] if mail else CATALOGUE:
        _send(name, address, language)


def _send(name: str, to: str, language: str) -> None:
    config = configuration(settings())
    verdict = asyncio.run(previews.send_example(name, to=to, language=language, config=config))
    if verdict.outcome is not Outcome.SENT:
        raise click.ClickException(f"{name} was not accepted: {verdict.code or ''} {verdict.text}")
    click.echo(f"{name} was sent to {to}.", err=True)


def _serve(folder: str, port: int) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    try:
        listening = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise cannot_listen("127.0.0.1", port, error) from None
    with listening as server:
        click.echo(f"The mails are at http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it).")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("")
