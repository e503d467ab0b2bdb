"""The mail worker: its configuration, and how it runs inside the server's process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from candor.settings import Settings
from mailers.configuration import MailConfig, Pace
from mailers.worker.worker import Worker
from models.own_connections import OwnConnections

log = logging.getLogger("candor.mail")


def configuration(settings: Settings) -> MailConfig:
    """The configuration of the mailers, out of that of the process."""
    return MailConfig(
        secret=settings.secret,
        secret_previous=settings.secret_previous,
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
        public_url=settings.public_url,
        connections=settings.mail_connections,
        rate=settings.mail_rate,
        pace=Pace(stop=_stop_seconds(settings.grace)),
    )


def _stop_seconds(grace: int) -> float:
    """Seconds that a stop waits for mails; the rest of the grace is for leaving the relay."""
    return min(Pace.stop, max(grace - 1, grace / 2))


@asynccontextmanager
async def working(
    settings: Settings, ending: asyncio.Event, own: OwnConnections
) -> AsyncIterator[None]:
    """Run the worker inside this context, unless the configuration leaves mails to other processes.

    On exit, or when `ending` is set, mails that are being sent are finished and other claims
    released.
    """
    if not settings.mail_worker:
        yield
        return
    worker = Worker(configuration(settings))
    with own.in_use():
        task = asyncio.create_task(worker.run())
    stopping = asyncio.create_task(_stop_with(ending, worker))
    try:
        yield
    finally:
        stopping.cancel()
        worker.stop()
        await task


async def _stop_with(ending: asyncio.Event, worker: Worker) -> None:
    await ending.wait()
    worker.stop()
