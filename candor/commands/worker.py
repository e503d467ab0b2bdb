"""`candor worker`: the mail worker in a process of its own."""

import asyncio
import signal

import click

from candor import mail_worker
from candor.commands.environment import run_in_database, settings
from candor.operating import logs
from candor.server.ending import exit_after
from candor.settings import Settings
from mailers.worker.worker import Worker
from models.announcements import listening


@click.command()
def worker() -> None:
    """Send mails until it is stopped by SIGTERM or SIGINT. Any number of workers may run."""
    configured = settings()
    logs.configure(json_lines=configured.json_logs)
    run_in_database(_work(configured))


async def _work(configured: Settings) -> None:
    working, loop = Worker(mail_worker.configuration(configured)), asyncio.get_running_loop()

    def stop() -> None:
        if not working.stopping.is_set():
            exit_after(configured.grace)
            working.stop()

    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop)
    click.echo("The mail worker is at work. Stop it with Ctrl-C.", err=True)
    async with listening(configured.database_url):
        await working.run()
    click.echo("The mail worker has stopped.", err=True)
