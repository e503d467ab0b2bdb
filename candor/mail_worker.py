"""The mail worker of this installation: its configuration, and its life beside the server."""

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
    """What the mailers know of the installation."""
    return MailConfig(
        secret=settings.secret,
        secret_previous=settings.secret_previous,
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
        public_url=settings.public_url,
        connections=settings.mail_connections,
        rate=settings.mail_rate,
        pace=Pace(stop=_patience(settings.grace)),
    )


def _patience(grace: int) -> float:
    """How long a stop waits for mails: within the grace there is still the relay to leave."""
    return min(Pace.stop, max(grace - 1, grace / 2))


@asynccontextmanager
async def working(
    settings: Settings, ending: asyncio.Event, own: OwnConnections
) -> AsyncIterator[None]:
    """Send mails as long as it lasts, unless the settings leave that to others.

    The end, or the server's before it, waits for mails that are being handed over; the rest is
    given back.
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
