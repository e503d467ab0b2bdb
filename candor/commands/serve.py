"""`candor serve`: the API, and the mail worker beside it."""

import asyncio
import os

import click

from candor import serving
from candor.command_line import settings
from candor.welcome import prepare


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Processes. They share the mails, the connections to the relay, and their rate.",
)
@click.option("--no-mail-worker", is_flag=True, help="Leave the mails to `candor worker`.")
@click.option("--demo", is_flag=True, help="Load a small demo marketplace if there are no orders.")
def serve(host: str, port: int, workers: int, *, no_mail_worker: bool, demo: bool) -> None:
    """Serve the API and send mails. The database is brought up to date first."""
    configured = settings()
    if demo and configured.production:
        raise click.ClickException("There is no demo in production.")
    # Worker processes read the environment again. They must find the same secret, and together
    # they open no more connections to the relay than one process would (one each at least), and
    # send it no more mails a second.
    os.environ["CANDOR_SECRET"] = configured.secret
    os.environ["CANDOR_MAIL_CONNECTIONS"] = str(max(1, configured.mail_connections // workers))
    if configured.mail_rate is not None:
        os.environ["CANDOR_MAIL_RATE"] = f"{max(configured.mail_rate / workers, 0.000001):.6f}"
    if no_mail_worker:
        os.environ["CANDOR_MAIL_WORKER"] = "off"
    asyncio.run(prepare(configured, address=f"http://{host}:{port}", demo=demo))
    serving.serve(configured, host=host, port=port, workers=workers)
