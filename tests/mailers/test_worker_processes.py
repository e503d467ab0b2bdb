"""Real worker processes, killed, stopped and started while mails go out to a real server.

The server takes 30 ms to accept a text, and accepts it even if the client has died: the window in
which no client can know the outcome (RFC 1047).
"""

import asyncio
import random
import re
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from tortoise.connection import get_connection

from mailers.outbox import claims
from mailers.smtp import mime
from models import OutboxMail
from models.uuid7 import uuid7
from tests.waiting import until

SCRIPT = Path(__file__).with_name("worker_process.py")
ROOT = Path(__file__).parents[2]
HELD, RESENT = "rating.promoter", "review.received"


class Relay(asyncio.Protocol):
    def __init__(self, accepted):
        self.accepted, self.buffer, self.in_data = accepted, bytearray(), False

    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.respond(b"220 relay ESMTP\r\n")

    def respond(self, response, delay=0.005):
        self.loop.call_later(delay, self._write, response)

    def _write(self, response):
        if not self.transport.is_closing():
            self.transport.write(response)

    def data_received(self, octets):
        self.buffer += octets
        while True:
            end = b"\r\n.\r\n" if self.in_data else b"\n"
            index = self.buffer.find(end)
            if index < 0:
                return
            chunk = bytes(self.buffer[:index])
            del self.buffer[: index + len(end)]
            if self.in_data:
                self.in_data = False
                self.loop.call_later(0.03, self._accept, chunk)
            else:
                self._answer(chunk.strip().upper())

    def _accept(self, mail):
        self.accepted[re.search(rb"(?im)^Message-ID: <([0-9a-f]+)@", mail)[1].decode()] += 1
        self.respond(b"250 2.0.0 ok\r\n")

    def _answer(self, line):
        self.in_data = line.startswith(b"DATA")
        if line.startswith(b"EHLO"):
            self.respond(b"250-relay\r\n250 8BITMIME\r\n")
        else:
            self.respond(b"354 go\r\n" if self.in_data else b"250 ok\r\n")


@pytest.fixture
async def relay():
    accepted = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: Relay(accepted), "127.0.0.1", 0)
    accepted.port = server.sockets[0].getsockname()[1]
    yield accepted
    server.close()


@pytest.fixture
async def start(database, relay):
    """Start a worker process; returns when it is ready."""
    processes = []

    async def make(connections=8):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(SCRIPT), database, str(relay.port), str(connections)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        processes.append(process)
        assert await process.stdout.readline() == b"ready\n"
        return process

    yield make
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def promise_many(count, *, overdue=0):
    """Promise due mails of both kinds, and `overdue` more that have expired."""
    moment = claims.now()
    columns = "id, mail, dedupe_key, audience, recipient, address, subject_type, subject_id, params, status, due_at, expires_at, attempts, ambiguous, in_data, created_at"
    rows = []
    for number in range(count + overdue):
        mail, key = (HELD if number % 2 else RESENT), f"key:{number}"
        expires_at = moment + 600_000 if number < count else moment - 1000
        row = (mail, key, "VENDOR", "V", "b@x.example", "Thing")
        params = '{"address": "b@x.example"}'
        rows.append(
            [
                uuid7(),
                *row,
                uuid7(),
                params,
                "SCHEDULED",
                moment - 5000,
                expires_at,
                0,
                0,
                False,
                moment,
            ]
        )
    connection = get_connection("default")
    postgres = connection.capabilities.dialect == "postgres"
    places = ", ".join(f"${n + 1}" if postgres else "?" for n in range(16))
    values = (
        rows if postgres else [[str(v) if hasattr(v, "hex") else v for v in row] for row in rows]
    )
    await connection.execute_many(f"INSERT INTO outbox_mail ({columns}) VALUES ({places})", values)


async def all_left():
    return not await OutboxMail.filter(status__in=["SCHEDULED", "SENDING"]).exists()


async def outcome(relay):
    """The number of mails by status, kind and copies that the server accepted."""
    counts = Counter()
    async for row in OutboxMail.all():
        message_id = mime.message_id("nobody's", row.dedupe_key, "x").strip("<>").partition("@")[0]
        counts[row.status.value, row.mail, relay[message_id]] += 1
    return counts


def assert_accounted_for(counts, mails):
    """Every lost mail is uncertain, and only kinds that may be sent again have a second copy."""
    assert sum(counts.values()) == mails
    for status, kind, copies in counts:
        assert status in {"SENT", "UNCERTAIN"}
        assert status == "UNCERTAIN" or copies >= 1
        assert copies <= (1 if kind == HELD else 2)


async def test_repeated_kill_9_loses_nothing_and_duplicates_no_mail_that_asks(store, start, relay):
    await promise_many(300)
    rng, kills = random.Random(3), 0
    while not await all_left() and kills < 12:
        process = await start()
        await asyncio.sleep(rng.uniform(0.25, 0.6))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        kills += 1
    await start()
    await until(all_left, 40)

    counts = await outcome(relay)
    print(f"\nkills {kills}: {dict(counts)}")
    assert_accounted_for(counts, 300)
    assert kills >= 3


async def test_a_worker_that_slept_past_its_lease_sends_nothing_twice(store, start, relay):
    await promise_many(150)
    sleeper, other = await start(4), await start(4)
    for _ in range(3):
        sleeper.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        sleeper.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.2)
    await until(all_left, 40)

    counts = await outcome(relay)
    print(f"\nstopped three times: {dict(counts)}")
    assert_accounted_for(counts, 150)
    assert other.returncode is None


@pytest.mark.parametrize("workers", [2, 4])
async def test_several_workers_send_each_mail_once(workers, store, start, relay):
    await promise_many(240)
    processes = [await start(4) for _ in range(workers)]
    await until(all_left, 40)
    for process in processes:
        process.terminate()
    codes = [await process.wait() for process in processes]

    counts = await outcome(relay)
    assert counts == {("SENT", HELD, 1): 120, ("SENT", RESENT, 1): 120}
    assert codes == [0] * workers


async def test_a_restart_with_ten_thousand_overdue_mails_sends_those_not_expired(
    store, start, relay
):
    await promise_many(400, overdue=9600)
    await start()
    await until(all_left, 40)

    counts = await outcome(relay)
    assert counts[("SENT", HELD, 1)] + counts[("SENT", RESENT, 1)] == 400
    assert counts[("EXPIRED", HELD, 0)] + counts[("EXPIRED", RESENT, 0)] == 9600


async def test_sigterm_leaves_no_uncertain_mail(store, start, relay):
    await promise_many(200)
    process = await start()
    await until(lambda: relay, 40)
    process.terminate()
    assert await process.wait() == 0

    counts = await outcome(relay)
    statuses = {status for status, _, _ in counts}
    assert statuses == {"SENT", "SCHEDULED"}
    assert all(copies == (status == "SENT") for status, _, copies in counts)
