"""Limits on connections: their number per address, and how long they may keep the server waiting."""

import asyncio
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from candor.server.connections import Connections, TooManyConnections, TooManyConnectionsOfOne
from tests.candor.real_server import LARGE, RealServer, request, start
from tests.waiting import until

STRANGER = "127.0.0.2"
HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
PATIENCE = {
    "candor.server.connections.FIRST_BYTE_SECONDS": 1,
    "candor.server.connections.HEADER_SECONDS": 1,
    "candor.server.connections.BODY_SECONDS": 1,
    "candor.server.connections.STALL_SECONDS": 1,
    "candor.server.connections.CHECK_EVERY": 0.1,
}


@pytest.fixture
def database(sqlite_database) -> str:
    """Nothing is stored here."""
    return sqlite_database


@pytest.fixture
async def run(database, tmp_path):
    servers: list[RealServer] = []

    async def make(*options, **variables) -> RealServer:
        given = {"GRACE": 1, "MAIL_WORKER": "off"}
        server = await start(database, *options, folder=tmp_path, **(given | variables))
        servers.append(server)
        return await server.ready()

    yield make
    for server in servers:
        await server.kill()


async def is_served(server: RealServer, source: str = "127.0.0.1", **headers: str) -> bool:
    """Whether a request is answered soon, even on a busy machine."""
    client = await server.ask(source=source, **headers)
    try:
        return b"HTTP/1.1 200 OK" in await client.until(b"ANONYMOUS", 5)
    finally:
        client.close()


async def crowd(server: RealServer, count: int, octets: bytes = b"", source: str = STRANGER):
    """This many connections from one address, each of which sends these bytes and no more."""
    clients = []
    for _ in range(count):
        client = await server.connect(source)
        clients.append(client)
        if octets:
            await client.say(octets)
    await server.has_read(*clients)
    return clients


HALVES = {
    "nothing": b"",
    "half a request line": b"POST /gra",
    "half a header": request()[:60],
}


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
async def test_an_address_that_only_holds_connections_keeps_nobody_out(run, half):
    server = await run(MAX_CONNECTIONS=60, MAX_CONNECTIONS_PER_ADDRESS=20)
    before = server.descriptors()
    await crowd(server, 70, half)

    assert server.descriptors() - before <= 20
    for source in ("127.0.0.1", STRANGER):
        assert await is_served(server, source)


async def test_many_addresses_that_only_hold_connections_keep_nobody_out(run):
    server = await run(MAX_CONNECTIONS=60, MAX_CONNECTIONS_PER_ADDRESS=20)
    before = server.descriptors()
    for number in range(2, 9):
        await crowd(server, 20, source=f"127.0.0.{number}")

    assert server.descriptors() - before <= 60
    assert await is_served(server)


async def test_eleven_hundred_idle_connections_stop_nothing(run):
    server = await run()
    before = server.descriptors()
    await crowd(server, 1_100)

    assert 0 < server.descriptors() - before <= 500 + 5
    assert await is_served(server)


async def test_an_address_with_too_many_busy_connections_is_refused(run):
    server = await run(MAX_CONNECTIONS_PER_ADDRESS=10)
    await crowd(server, 10, request()[:-5])

    late = await server.ask(source=STRANGER)

    answer = await late.end()
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"retry-after: 1" in answer
    assert b"TOO_MANY_CONNECTIONS" in answer
    assert await is_served(server)


async def test_a_connection_is_refused_when_all_others_are_busy(run):
    server = await run(MAX_CONNECTIONS=20, MAX_CONNECTIONS_PER_ADDRESS=10)
    await crowd(server, 10, request()[:-5])
    busy = await crowd(server, 10, request()[:-5], "127.0.0.3")

    answer = await (await server.connect()).end()
    held = server.descriptors()
    busy[0].close()
    await until(lambda: server.descriptors() < held)

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"TOO_MANY_CONNECTIONS" in answer
    assert await is_served(server)


async def test_connections_of_a_proxy_count_for_the_addresses_that_it_names(run):
    server = await run(MAX_CONNECTIONS_PER_ADDRESS=5)
    half = request(X_Forwarded_For="203.0.113.7")[:-5]
    through_proxy = await crowd(server, 5, half, "127.0.0.1")
    named = {"X_Forwarded_For": "203.0.113.7"}

    refused = await (await server.ask(**named)).end()
    for number in range(20):
        client = await server.ask(X_Forwarded_For=f"203.0.113.{20 + number}")
        await client.until(b"ANONYMOUS")
    await through_proxy[0].say(request()[-5:])
    await through_proxy[0].until(b"ANONYMOUS")

    assert refused.startswith(b"HTTP/1.1 429 ")
    assert await is_served(server, **named)


async def test_a_proxy_keeps_one_connection_for_many_people(run):
    server = await run(MAX_CONNECTIONS_PER_ADDRESS=1)
    client = await server.connect()
    for number in range(3):
        client.got = b""
        await client.say(request(X_Forwarded_For=f"203.0.113.{number}"))
        assert b" 200 OK" in await client.until(b"ANONYMOUS")

    assert await is_served(server, X_Forwarded_For="203.0.113.0")


@pytest.mark.parametrize("where", [{"source": STRANGER}, {"X_Forwarded_For": "203.0.113.7"}])
async def test_sockets_count_as_every_connection_does(run, where):
    server = await run(MAX_CONNECTIONS_PER_ADDRESS=3)
    sockets = [await server.websocket(**where) for _ in range(3)]

    with pytest.raises((InvalidStatus, InvalidMessage, ConnectionClosed, OSError)):
        await server.websocket(**where)
    assert await is_served(server)

    await sockets[0].close()
    await server.websocket(**where)


async def drip(client, octets: bytes) -> None:
    """Send byte by byte until the server closes the connection."""
    try:
        for number in range(len(octets)):
            await client.say(octets[number : number + 1])
            await asyncio.sleep(0.05)
    except OSError:
        pass


DRIPS = {
    "nothing": (b"", b""),
    "empty lines": (b"", b"\r\n" * 200),
    "a header": (b"", request(X_Long="x" * 200)),
    "a body": (request()[:-30], request()[-30:].ljust(200)),
    "a body in chunks": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"1\r\n \r\n" * 50,
    ),
    "a body that is refused": (
        HEAD + b"Content-Length: 99999999\r\n\r\n",
        b" " * 200,
    ),
    "empty lines after a request": (request(), b"\r\n" * 200),
}


@pytest.mark.parametrize(("first", "rest"), DRIPS.values(), ids=DRIPS)
async def test_a_client_that_sends_byte_by_byte_is_disconnected(run, first, rest):
    server = await run(changes=PATIENCE)
    client = await server.connect(STRANGER)
    await client.say(first)
    dripping, began = asyncio.create_task(drip(client, rest)), time.monotonic()

    assert await is_served(server)
    answer = await client.end(4)

    assert time.monotonic() - began < 3
    await dripping
    assert answer.count(b"HTTP/1.1 ") <= 1
    if first.startswith(b"POST") and b"refused" not in answer and b" 200 " not in answer:
        assert b" 408 " in answer or b" 413 " in answer
    assert await is_served(server)


async def test_a_request_that_takes_its_time_within_the_limits_is_answered(run):
    server = await run(changes=PATIENCE)
    client = await server.connect()
    for part in (request()[:40], request()[40:-10], request()[-10:]):
        await asyncio.sleep(0.6)
        await client.say(part)

    assert b" 200 OK" in await client.until(b"ANONYMOUS")


async def test_a_slow_response_does_not_count_as_a_slow_client(run):
    server = await run(changes=PATIENCE, slow=2.5)
    client = await server.connect()
    await client.say(request("{ settings { siteName } }") + request())

    assert b" 200 OK" in await client.until(b"ANONYMOUS", 8)


HEADERS = {
    "many fields": b"a: b\r\n" * 300,
    "one of 40 MB": b"X-Long: " + b"x" * 40_000_000,
    "many of one letter": b"a: b\r\n" * 2_000_000,
    "one beyond the limit": b"X-Long: " + b"x" * 33_000,
    "lines beyond the limit": b"X-Long: abcdefgh\r\n" * 2_500,
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
async def test_a_header_that_is_too_large_is_read_no_further(run, header):
    server = await run()
    client = await server.connect(STRANGER)
    octets = b"POST /graphql HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"

    async def send():
        with_all = 0
        try:
            for begin in range(0, len(octets), 65536):
                await client.say(octets[begin : begin + 65536])
                with_all += 65536
        except OSError:
            pass
        return with_all

    sending = asyncio.create_task(send())
    began = time.monotonic()
    assert await is_served(server)
    answer = await client.end(3)

    assert time.monotonic() - began < 2
    assert await sending < 20_000_000
    assert not answer or answer.startswith(b"HTTP/1.1 431 ")


async def test_trailers_are_part_of_the_header(run):
    server = await run()
    client = await server.connect(STRANGER)
    await client.say(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: bcdefgh\r\n" * 5_000)

    assert (await client.end(3))[:12] in {b"HTTP/1.1 431", b""}


TOO_LONG = {
    "a length": b"Content-Length: 90000000\r\n\r\n" + b" " * 3_000_000,
    "chunks": b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n" + b" " * 65_536 + b"\r\n" * 50,
    "a chunk's extension": b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 3_000_000,
    "a trailer": b"Transfer-Encoding: chunked\r\n\r\n0\r\na: " + b"b" * 3_000_000,
}


@pytest.mark.parametrize("body", TOO_LONG.values(), ids=TOO_LONG)
async def test_a_body_is_read_up_to_the_limit_however_it_is_framed(run, body):
    server = await run()
    client = await server.connect(STRANGER)
    with suppress(OSError):
        await client.say(HEAD + body)
    answer = await client.end(3)

    assert answer[:12] in {b"HTTP/1.1 413", b"HTTP/1.1 400", b""}


async def test_a_header_within_the_limit_is_read(run):
    server = await run()

    assert await is_served(server, X_Long="x" * 31_000)


async def test_bytes_that_are_no_http_are_refused(run):
    server = await run()
    client = await server.connect()
    await client.say(b"EHLO relay\r\n\r\n")

    assert (await client.end()).startswith(b"HTTP/1.1 400 ")


async def unread_answers(server):
    client = await server.connect(STRANGER, receives=4096)
    client.writer.transport.pause_reading()
    await client.say(request(LARGE) * 45)


async def an_unread_stream(server):
    client = await server.connect(STRANGER, receives=4096)
    client.writer.transport.pause_reading()
    await client.say(request(LARGE, Accept="text/event-stream") * 45)


async def an_unread_socket(server):
    connection = await server.websocket(STRANGER, 4096)
    await connection.send('{"type": "connection_init"}')
    for number in range(45):
        payload = f'{{"query": "{LARGE}"}}'
        await connection.send(f'{{"id": "{number}", "type": "subscribe", "payload": {payload}}}')


UNREAD = [unread_answers, an_unread_stream, an_unread_socket]


@pytest.mark.parametrize("sends", UNREAD, ids=lambda sends: sends.__name__)
async def test_a_client_that_reads_nothing_is_disconnected(run, sends):
    server = await run(changes=PATIENCE)
    before = server.descriptors()

    await sends(server)

    await until(lambda: server.descriptors() != before)
    await until(lambda: server.descriptors() <= before)
    assert await is_served(server)


async def test_a_client_that_reads_slowly_gets_everything(run):
    server = await run(changes=PATIENCE)
    client = await server.connect(STRANGER, receives=4096)
    await client.say(b"GET /graphql/schema.graphql HTTP/1.1\r\nHost: x\r\n\r\n" * 80)
    pieces = 0
    async with asyncio.timeout(60):
        while client.got.count(b"HTTP/1.1 200 OK") < 80 or not client.got.endswith(b"}\n"):
            client.got += await client.reader.readexactly(1)
            client.got += await client.reader.read(60_000)
            pieces += 1
            await asyncio.sleep(0.05)

    assert pieces > 40  # more than two seconds: twice the time limit


class Idle:
    """A connection that has been idle since a time, or is busy."""

    def __init__(self, since=None):
        self.idle_since, self.dropped = since, False

    def look(self, now):
        """Not called here."""

    def drop(self):
        self.dropped = True


async def test_the_longest_idle_connection_is_evicted():
    known = Connections(3, 2)
    old, older, busy, other = Idle(2.0), Idle(1.0), Idle(), Idle(0.5)
    for connection, address in ((old, "a"), (older, "b"), (busy, "b")):
        known.admit(connection, address)

    known.admit(other, "c")
    assert (old.dropped, older.dropped, busy.dropped) == (False, True, False)
    known.admit(Idle(), "b")
    assert other.dropped
    with pytest.raises(TooManyConnectionsOfOne):
        known.admit(Idle(9.0), "b")
    known.admit(Idle(), "d")
    assert old.dropped
    with pytest.raises(TooManyConnections):
        known.admit(Idle(9.0), "d")
    assert not busy.dropped


async def test_one_household_is_one_address():
    known = Connections(10, 1)
    known.admit(Idle(), "2001:db8::1")

    with pytest.raises(TooManyConnectionsOfOne):
        known.admit(Idle(), "2001:db8::2")
    known.admit(Idle(), "2001:db8:0:1::1")


@pytest.mark.parametrize(("hard", "taken", "soft"), [(400, 250, 400), (5_000, 3_000, 3_150)])
def test_the_limit_on_open_files_bounds_connections(hard, taken, soft):
    code = (
        "import resource\n"
        "from candor.server.connections import within_descriptors\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (300, {hard}))\n"
        "print(within_descriptors(3_000), resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert out.stdout.split() == [str(taken), str(soft)]
