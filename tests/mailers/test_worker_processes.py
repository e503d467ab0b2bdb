"""Real worker processes, killed, stopped and started while mails go out to a real server.

The server takes 30 ms after the dot, and a mail that it began to take is taken, whether the client
lives or not: the window in which nobody can know (RFC 1047).
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
    def __init__(self, got):
        self.got, self.buffer, self.in_data = got, bytearray(), False

    def connection_made(self, transport):
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.say(b"220 relay ESMTP\r\n")

    def say(self, reply, delay=0.005):
        self.loop.call_later(delay, self._write, reply)

    def _write(self, reply):
        if not self.transport.is_closing():
            self.transport.write(reply)

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
                self.loop.call_later(0.03, self._take, chunk)
            else:
                self._answer(chunk.strip().upper())

    def _take(self, mail):
        self.got[re.search(rb"(?im)^Message-ID: <([0-9a-f]+)@", mail)[1].decode()] += 1
        self.say(b"250 2.0.0 ok\r\n")

    def _answer(self, line):
        self.in_data = line.startswith(b"DATA")
        if line.startswith(b"EHLO"):
            self.say(b"250-relay\r\n250 8BITMIME\r\n")
        else:
            self.say(b"354 go\r\n" if self.in_data else b"250 ok\r\n")


@pytest.fixture
async def relay():
    got = Counter()
    server = await asyncio.get_running_loop().create_server(lambda: Relay(got), "127.0.0.1", 0)
    got.port = server.sockets[0].getsockname()[1]
    yield got
    server.close()


@pytest.fixture
async def start(database, relay):
    """Start a worker process; returns when it is at work."""
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
    """Mails of both kinds, all due; `overdue` more whose time is over."""
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
    """Mails by status, kind and number of copies that the server took."""
    counts = Counter()
    async for row in OutboxMail.all():
        message_id = mime.message_id("nobody's", row.dedupe_key, "x").strip("<>").partition("@")[0]
        counts[row.status.value, row.mail, relay[message_id]] += 1
    return counts


def assert_honest(counts, mails):
    """No mail is lost without being listed, none is doubled but those that may be, once."""
    assert sum(counts.values()) == mails
    for status, mail, copies in counts:
        assert status in {"SENT", "UNCERTAIN"}
        assert status == "UNCERTAIN" or copies >= 1
        assert copies <= (1 if mail == HELD else 2)


async def test_kill_9_again_and_again_loses_nothing_and_doubles_nothing_that_asks(
    store, start, relay
):
    await promise_many(300)
    chance, kills = random.Random(3), 0
    while not await all_left() and kills < 12:
        process = await start()
        await asyncio.sleep(chance.uniform(0.25, 0.6))
        process.send_signal(signal.SIGKILL)
        await process.wait()
        kills += 1
    await start()
    await until(all_left, 40)

    counts = await outcome(relay)
    print(f"\nkills {kills}: {dict(counts)}")
    assert_honest(counts, 300)
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
    assert_honest(counts, 150)
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


async def test_a_restart_with_ten_thousand_overdue_mails_sends_those_still_wanted(
    store, start, relay
):
    await promise_many(400, overdue=9600)
    await start()
    await until(all_left, 40)

    counts = await outcome(relay)
    assert counts[("SENT", HELD, 1)] + counts[("SENT", RESENT, 1)] == 400
    assert counts[("EXPIRED", HELD, 0)] + counts[("EXPIRED", RESENT, 0)] == 9600


async def test_sigterm_in_the_middle_leaves_no_doubt(store, start, relay):
    await promise_many(200)
    process = await start()
    await until(lambda: relay, 40)
    process.terminate()
    assert await process.wait() == 0

    counts = await outcome(relay)
    statuses = {status for status, _, _ in counts}
    assert statuses == {"SENT", "SCHEDULED"}
    assert all(copies == (status == "SENT") for status, _, copies in counts)
