"""`candor serve`: the API with the mail worker."""

import os
import socket

import click

from candor.commands.environment import cannot_listen, database_settings, run_or_exit
from candor.commands.startup import browser_url, prepare
from candor.server import serving
from candor.settings import Settings
from candor.settings.environment import environment

_BACKLOG = 2048


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
    with _listen(host, port) as listener:
        address = browser_url(host, listener.getsockname()[1])
        configured = database_settings()
        # Worker processes read the environment again. By default links point to this address.
        os.environ.update({"CANDOR_PUBLIC_URL": address} | environment())
        if demo and configured.production:
            raise click.ClickException("There is no demo in production.")
        _warn_of_ignored_variable()
        _share_relay(configured, workers)
        if no_mail_worker:
            os.environ["CANDOR_MAIL_WORKER"] = "off"
        run_or_exit(prepare(configured, address=address, demo=demo))
        serving.serve(configured, listener, workers=workers)


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port before anything else happens; early clients wait in the backlog."""
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise cannot_listen(host, port, error) from None


def _warn_of_ignored_variable() -> None:
    if os.environ.get("FORWARDED_ALLOW_IPS") and not os.environ.get("CANDOR_TRUSTED_PROXIES"):
        click.echo(
            "FORWARDED_ALLOW_IPS is not heeded: name your proxies in CANDOR_TRUSTED_PROXIES.",
            err=True,
        )


def _share_relay(configured: Settings, workers: int) -> None:
    """Pass the secret and each worker process's share of the relay on in the environment.

    Together they open no more connections than one process would (but at least one each), and
    send no more mails a second.
    """
    os.environ["CANDOR_SECRET"] = configured.secret
    os.environ["CANDOR_MAIL_CONNECTIONS"] = str(max(1, configured.mail_connections // workers))
    if configured.mail_rate is not None:
        os.environ["CANDOR_MAIL_RATE"] = f"{max(configured.mail_rate / workers, 0.000001):.6f}"
