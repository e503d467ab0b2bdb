"""A server kept busy by many connections still sends mails and reports that it is ready."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from aiosmtpd.smtp import SMTP

from mailers import Addressee, deliver_later
from models import Audience, OutboxMail, sql
from models.database import opened
from models.uuid7 import uuid7
from tests.candor.real_server import RealServer, start
from tests.mailers.conftest import Inbox, Thing

CONNECTIONS, SECONDS = 64, 10
ASKED = "{ settings { siteName } }"
# How long each request holds a database connection, nearly independent of the machine.
DEAR = {
    "postgres": "SELECT pg_sleep(2)",
    "sqlite": "SELECT COUNT(*) AS i FROM (WITH RECURSIVE n(i) AS"
    " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT i FROM n)",
}


@pytest.fixture
async def inbox():
    """A mail server; its port is `inbox.port`."""
    found, connections = Inbox(), []

    def connection():
        connections.append(SMTP(found, loop=asyncio.get_running_loop()))
        return connections[-1]

    server = await asyncio.get_running_loop().create_server(connection, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()
    for each in connections:
        if each.transport is not None:
            each.transport.abort()


@pytest.fixture
async def server(database, inbox, tmp_path):
    """A server with its mail worker, on which each request takes long."""
    server = await start(
        database,
        folder=tmp_path,
        slow=DEAR[database.partition("://")[0]],
        SMTP_URL=f"smtp://127.0.0.1:{inbox.port}",
    )
    yield await server.ready()
    await server.kill()


@asynccontextmanager
async def kept_busy(server: RealServer):
    """This many clients send requests, each one after the other."""
    answered = asyncio.Event()

    async def client():
        while True:
            asking = await server.ask(ASKED, Connection="close")
            await asking.end(60)
            answered.set()

    clients = [asyncio.create_task(client()) for _ in range(CONNECTIONS)]
    await asyncio.wait_for(answered.wait(), 60)
    yield
    assert not any(each.done() for each in clients)
    for each in clients:
        each.cancel()
    await asyncio.gather(*clients, return_exceptions=True)


async def promise(many: int = 1) -> None:
    person = Addressee(Audience.VENDOR, "NINA", "nina@example.com")
    for _ in range(many):
        await deliver_later("review.received", to=person, about=Thing(uuid7()))
    await OutboxMail.filter(status="SCHEDULED").update(due_at=1)


async def left(inbox: Inbox, many: int, seconds: float = SECONDS) -> float:
    """Wait until this many mails were sent. Gives the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while len(inbox.mails) < many:
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_due_mails_leave_soon(database, server, inbox):
    async with opened(database), kept_busy(server):
        await promise()
        await left(inbox, 1)
        await promise(20)
        await left(inbox, 21)

    assert inbox.got("nina@example.com") == 21


async def test_it_is_ready(server):
    async with kept_busy(server):
        asking = await server.connect()
        await asking.say(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await asking.end(SECONDS)

    assert answer.startswith(b"HTTP/1.1 200 OK"), answer


async def test_the_worker_has_other_connections_when_its_own_are_lost(
    postgres_database, direct, inbox, tmp_path
):
    server = await start(
        postgres_database, folder=tmp_path, SMTP_URL=f"smtp://127.0.0.1:{inbox.port}"
    )
    try:
        await server.ready()
        async with opened(postgres_database):
            await promise()
            await left(inbox, 1)
            own = (await sql.fetch("SELECT pg_backend_pid() AS pid"))[0]["pid"]
            ended = await direct.fetchval(
                "SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(pid)) AS cut FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid NOT IN (pg_backend_pid(), $1)",
                own,
            )
            await promise()
            await left(inbox, 2)
    finally:
        await server.kill()

    assert ended >= 2
