"""The mail worker of this installation: its configuration, and its life beside the server."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from candor.settings import Settings
from mailers.configuration import MailConfig
from mailers.worker import Worker

log = logging.getLogger("candor.mail")


def configuration(settings: Settings) -> MailConfig:
    """What the mailers know of the installation."""
    return MailConfig(
        secret=settings.secret,
        smtp_url=settings.smtp_url,
        mail_from=settings.mail_from,
        public_url=settings.public_url,
        connections=settings.mail_connections,
        rate=settings.mail_rate,
    )


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    """Send mails as long as it lasts, unless the settings leave that to others.

    The end waits for mails that are being handed over; the rest is given back.
    """
    if not settings.mail_worker:
        yield
        return
    worker = Worker(configuration(settings))
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        worker.stop()
        await task
