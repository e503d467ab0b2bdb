"""A mail worker process for tests to kill. Arguments: database URL, SMTP port, connections."""

import asyncio
import signal
import sys

from mailers.configuration import MailConfig, Pace
from mailers.letters.registry import MAILERS
from mailers.mail import Mail, Person
from mailers.worker.worker import Worker
from models.database import opened


async def write(_site, _subject_id, *, address, **_params):
    return Mail(Person("", address), "en", "Hello", "Hello.\n", "<p>Hello.</p>")


async def main(url, port, connections):
    for kind in ("review.received", "rating.promoter"):
        MAILERS[kind] = write
    pace = Pace(poll=0.1, lease=1.5, data=3.0, retries=(0.2,), resend=0.2, pause=0.1, stop=5.0)
    config = MailConfig(
        secret="nobody's",
        smtp_url=f"smtp://127.0.0.1:{port}",
        mail_from="no-reply@nordlicht.example",
        connections=connections,
        pace=pace,
    )
    async with opened(url):
        worker = Worker(config)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stop)
        print("ready", flush=True)
        await worker.run()


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
