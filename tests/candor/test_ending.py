"""Shutdown of a server: within its grace period, with any connections, in one process or two."""

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from mailers import Addressee, deliver_later
from models import Audience, OutboxMail
from models.database import opened
from models.uuid7 import uuid7
from tests.candor.real_server import LARGE, SUBSCRIPTION, RealServer, request, start
from tests.waiting import until

# Seconds: of the server, and of the tests, which may run on a busy machine.
GRACE, LONG_GRACE, AT_ONCE = 2, 30, 5
SLOW = "{ settings { siteName } }"
HALF_BODY = request(SLOW)[:-5]
SCHEMA = b"GET /graphql/schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(params=["sqlite"])
def database(request) -> str:
    """Shutdown is nearly the same on both databases; SQLite, with its threads, is harder."""
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
async def launch(database, tmp_path):
    """Start a server with a short grace period, without waiting until it answers."""
    servers: list[RealServer] = []

    async def make(*options, **variables) -> RealServer:
        given = {"GRACE": GRACE, "MAIL_WORKER": "off", "slow": 60, "OPERATION_SECONDS": 60}
        server = await start(database, *options, folder=tmp_path, **(given | variables))
        servers.append(server)
        return server

    yield make
    for server in servers:
        await server.kill()


@pytest.fixture
def run(launch):
    """Start a server and wait until it answers: `await run("--workers", "2")`."""

    async def make(*options, **variables) -> RealServer:
        return await (await launch(*options, **variables)).ready()

    return make


@pytest.fixture(params=[1, 2])
def workers(request) -> str:
    return str(request.param)


@pytest.fixture
async def server(run, workers):
    return await run("--workers", workers, GRACE=LONG_GRACE)


async def subscribed(server: RealServer):
    client = await server.ask(SUBSCRIPTION, Accept="text/event-stream")
    await client.until(b"\r\n\r\n")
    return client


async def socket_of(server: RealServer):
    socket = await server.websocket()
    await socket.send('{"type": "connection_init"}')
    assert "connection_ack" in await socket.recv()
    await socket.send('{"id": "1", "type": "subscribe", "payload": {"query": "%s"}}' % SUBSCRIPTION)
    return socket


async def close_code(socket) -> int | None:
    with suppress(ConnectionClosed):
        async with asyncio.timeout(AT_ONCE):
            while True:
                await socket.recv()
    return socket.close_code


async def nothing(_server):
    return None


async def half_a_header(server):
    client = await server.connect()
    await client.say(HALF_BODY[:40])
    await server.has_read(client)


async def half_a_body(server):
    client = await server.connect()
    await client.say(HALF_BODY)
    await server.has_read(client)


async def a_slow_operation(server):
    await server.has_read(await server.ask(SLOW))


async def a_reader_that_does_not_read(server):
    client = await server.connect(receives=4096)
    client.writer.transport.pause_reading()
    await client.say(SCHEMA * 80)
    await server.stalls(client)


async def a_stream_that_is_not_read(server):
    client = await server.connect(receives=4096)
    client.writer.transport.pause_reading()
    await client.say(request(LARGE, Accept="text/event-stream") * 45)
    await server.stalls(client)


async def an_idle_connection(server):
    client = await server.ask()
    await client.until(b"ANONYMOUS")


async def an_idle_socket(server):
    await server.connect()


async def a_socket_before_its_first_message(server):
    await server.websocket()


STREAMS = [nothing, subscribed, socket_of, a_socket_before_its_first_message]
QUIET = [an_idle_connection, an_idle_socket]
UNDER_WAY = [
    half_a_header,
    half_a_body,
    a_slow_operation,
    a_reader_that_does_not_read,
    a_stream_that_is_not_read,
]


@pytest.mark.parametrize("state", [*STREAMS, *QUIET], ids=lambda state: state.__name__)
@pytest.mark.parametrize("wish", [signal.SIGTERM, signal.SIGINT])
async def test_idle_streams_do_not_delay_the_shutdown(server, state, wish):
    held = await state(server)
    workers = server.workers()

    server.process.send_signal(wish)

    assert await server.seconds_until_gone(AT_ONCE)
    assert server.process.returncode == 0
    assert all_gone(workers), held


@pytest.mark.parametrize("state", UNDER_WAY, ids=lambda state: state.__name__)
async def test_running_requests_get_the_grace_period_and_no_more(run, workers, state):
    server = await run("--workers", workers)
    await state(server)
    workers = server.workers()

    server.process.terminate()

    assert await server.seconds_until_gone(GRACE + 2)
    assert server.process.returncode == 0
    assert all_gone(workers)


def all_gone(pids: list[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


SLOW_STATEMENTS = {
    "sqlite": "SELECT COUNT(*) AS one FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL"
    " SELECT i + 1 FROM n WHERE i < 600000000) SELECT i FROM n)",
    "postgres": "SELECT 1 AS one FROM pg_sleep(60)",
}


@pytest.mark.parametrize("database", SLOW_STATEMENTS, indirect=True)
async def test_a_slow_statement_gets_the_grace_period_and_no_more(run, database):
    server = await run(GRACE=1, slow=SLOW_STATEMENTS[database.partition("://")[0]])
    await server.ask(SLOW)
    await asyncio.sleep(0.5)

    server.process.terminate()

    assert await server.seconds_until_gone(3)
    assert server.process.returncode == 0


async def test_all_kinds_of_connections_at_once_end_as_one_does(run):
    server = await run("--workers", "2", GRACE=LONG_GRACE)
    for state in (*STREAMS, *QUIET) * 3:
        await state(server)

    server.process.send_signal(signal.SIGINT)

    assert await server.seconds_until_gone(AT_ONCE)


async def test_streams_are_closed_by_their_protocol(server):
    stream, socket = await subscribed(server), await socket_of(server)

    server.process.terminate()

    told, code = await asyncio.gather(stream.end(AT_ONCE), close_code(socket))
    assert told.endswith(b"event: complete\ndata:\n\n\r\n0\r\n\r\n")
    assert code == 1012


async def test_requests_that_fit_into_the_grace_period_are_answered(run):
    server = await run("--workers", "2", slow=0.8, GRACE=LONG_GRACE)
    slow, half = await server.ask(SLOW), await server.connect()
    await half.say(HALF_BODY)
    await server.has_read(slow, half)

    server.process.terminate()
    await server.refuses()
    await half.say(request(SLOW)[-5:])

    for client in (slow, half):
        answer = await client.end(AT_ONCE)
        assert answer.startswith(b"HTTP/1.1 200 OK")
    assert await server.seconds_until_gone(AT_ONCE)


async def test_a_supervisor_that_signals_every_process_does_not_shorten_the_grace_period(
    run, workers
):
    server = await run("--workers", workers, slow=1, GRACE=LONG_GRACE)
    slow = await server.ask(SLOW)
    await server.has_read(slow)

    for pid in (*server.workers(), server.process.pid) * 2:
        os.kill(pid, signal.SIGTERM)

    assert (await slow.end(AT_ONCE)).startswith(b"HTTP/1.1 200 OK")
    assert await server.seconds_until_gone(AT_ONCE)


@pytest.mark.parametrize("state", [half_a_header, half_a_body, a_slow_operation])
async def test_requests_that_exceed_the_grace_period_are_told_to_retry(run, state):
    server = await run()
    await state(server)
    client = server.clients[-1]

    server.process.terminate()

    answer = await client.end(GRACE + 1)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: " in answer
    assert b"SERVER_ENDS" in answer
    # The result of a started operation is unknown; an incomplete request can be sent again.
    assert (b"A mutation may have been carried out" in answer) == (state is a_slow_operation)


UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


@pytest.mark.parametrize(
    "ask", [request(SUBSCRIPTION, Accept="text/event-stream"), UPGRADE], ids=["sse", "websocket"]
)
async def test_no_stream_begins_after_the_signal(run, ask):
    server = await run(GRACE=LONG_GRACE)
    half = await server.connect()
    await half.say(ask[:-5])
    await server.has_read(half)

    server.process.terminate()
    await server.refuses()
    await half.say(ask[-5:])

    answer = await half.end(AT_ONCE)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"SERVER_ENDS" in answer
    with pytest.raises(OSError, match="Connect"):
        await server.connect()
    assert await server.seconds_until_gone(AT_ONCE)


async def test_a_second_signal_ends_the_grace_period(run, workers):
    server = await run("--workers", workers, GRACE=LONG_GRACE)
    await a_slow_operation(server)

    server.process.send_signal(signal.SIGINT)
    await asyncio.sleep(1.3)  # two signals within a second are one signal, forwarded
    server.process.send_signal(signal.SIGINT)

    assert await server.seconds_until_gone(AT_ONCE)


@pytest.mark.parametrize("pause", [0.3, 0.8, 1.3, 1.8])
@pytest.mark.parametrize("wish", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_it_starts_ends_it_too(launch, workers, wish, pause):
    server = await launch("--workers", workers, GRACE=LONG_GRACE)
    await asyncio.sleep(pause)
    started = server.workers()

    server.process.send_signal(wish)

    assert await server.seconds_until_gone(AT_ONCE)
    assert all_gone(started)


class Relay(asyncio.Protocol):
    """A relay that takes this many seconds after the dot; None is forever."""

    def __init__(self, seconds, got):
        self.seconds, self.got, self.in_data = seconds, got, False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 relay ESMTP\r\n")

    def data_received(self, octets):
        if self.in_data:
            if octets.endswith(b"\r\n.\r\n"):
                self.in_data = False
                self.got.append("begun")
                if self.seconds is not None:
                    asyncio.get_running_loop().call_later(self.seconds, self.take)
            return
        for line in octets.upper().splitlines():
            self.in_data = line.startswith(b"DATA")
            self.transport.write(b"354 go\r\n" if self.in_data else b"250 ok\r\n")

    def take(self):
        self.got.append("taken")
        self.transport.write(b"250 2.0.0 ok\r\n")


@pytest.fixture
async def relay():
    """Start a relay. Gives its port and the mails that it got."""
    servers = []

    async def make(seconds):
        got = []
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Relay(seconds, got), "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1], got

    yield make
    for server in servers:
        server.close()


class Thing:
    """The row that a mail is about."""

    def __init__(self):
        self.id = uuid7()


async def promise():
    to = Addressee(Audience.VENDOR, "NINA", "nina@example.com")
    await deliver_later("review.received", to=to, about=Thing(), due_at=datetime.now(UTC))


@pytest.mark.parametrize("command", ["serve", "serve --workers 2", "worker"])
@pytest.mark.parametrize("seconds", [0.7, None])
async def test_mails_in_progress_are_finished_or_left_to_others(
    database, launch, relay, command, seconds
):
    port, got = await relay(seconds)
    variables = {"MAIL_WORKER": "on", "SMTP_URL": f"smtp://127.0.0.1:{port}", "slow": 0}
    variables |= {"command": ["worker"]} if command == "worker" else {}
    server = await launch(*command.split()[1:], **variables)
    async with opened(database):
        for _ in range(2):
            await promise()
        await until(lambda: got)

        server.process.terminate()

        assert await server.seconds_until_gone(GRACE + 2)
        statuses = Counter([row.status for row in await OutboxMail.all()])
    assert server.process.returncode == 0
    assert statuses["SENT"] == got.count("taken")
    # A mail whose result is unknown is not reported as unsent.
    assert statuses["SENDING"] == got.count("begun") - got.count("taken")
    assert statuses.total() == 2
