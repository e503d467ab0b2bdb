"""Running workers, and waiting for the outcome of mails."""

import asyncio
from contextlib import asynccontextmanager

from mailers.worker.worker import Worker
from models import OutboxMail
from tests.waiting import until

FINAL = {"SENT", "DEAD", "CANCELLED", "EXPIRED", "UNCERTAIN"}


@asynccontextmanager
async def working(*configs):
    workers = [Worker(config) for config in configs]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield workers[0]
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*tasks)


async def end_of(row, states=FINAL, seconds=10):
    async def ended():
        await row.refresh_from_db()
        return row.status in states

    await until(ended, seconds)
    return row


async def all_left(seconds=30):
    async def gone():
        return not await OutboxMail.filter(status__in=["SCHEDULED", "SENDING"]).exists()

    await until(gone, seconds)


async def number_of(status):
    return await OutboxMail.filter(status=status).count()
