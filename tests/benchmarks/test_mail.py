"""How fast and how punctual the mail worker is: figures beside raw aiosmtplib on the same sink."""

import asyncio
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import aiosmtplib
import pytest
from tortoise.connection import get_connection

from mailers import Addressee, deliver_later, outbox
from mailers.configuration import MailConfig, Pace
from mailers.previews import preview
from mailers.registry import MAILERS
from mailers.wire import written
from mailers.worker import Worker
from models import Audience, OutboxMail
from models.database import opened
from models.uuid7 import uuid7

pytestmark = pytest.mark.benchmark

SINK = Path(__file__).with_name("mail_sink.py")
CONNECTIONS = 8


@dataclass
class Thing:
    """Something that a mail can be about."""

    id: UUID


@pytest.fixture
async def store(database):
    async with opened(database):
        yield


@pytest.fixture
def config():
    return MailConfig(secret="nobody's", mail_from="no-reply@nordlicht.example")


@pytest.fixture
def promise(store):
    person = Addressee(Audience.VENDOR, "NINA", "nina@example.com")

    async def make(due_at=None):
        await deliver_later("review.received", to=person, about=Thing(uuid7()), due_at=due_at)

    return make


@pytest.fixture
def sink():
    process = subprocess.Popen([sys.executable, str(SINK)], stdout=subprocess.PIPE, text=True)
    with process:
        yield int(process.stdout.readline())
        process.kill()


@pytest.fixture
def fast(config, sink):
    return replace(
        config, smtp_url=f"smtp://127.0.0.1:{sink}", connections=CONNECTIONS, pace=Pace(poll=1.0)
    )


@pytest.fixture
def mailers(monkeypatch, config):
    async def write(site, _subject_id, **_params):
        return preview("review.received", "en", "friendly", config)

    monkeypatch.setitem(MAILERS, "review.received", write)


async def raw_rate(port, raw, count):
    """Mails a second of aiosmtplib alone, with ready bytes."""
    left = iter(range(count))

    async def one():
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        async with client:
            for _ in left:
                await client.sendmail("a@nordlicht.example", ["b@x.example"], raw)

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
    return count / (time.perf_counter() - began)


async def worker_rate(config, count):
    worker = Worker(config)
    began = time.perf_counter()
    task = asyncio.create_task(worker.run())
    while await OutboxMail.filter(status__in=["SCHEDULED", "SENDING"]).exists():
        await asyncio.sleep(0.05)
    rate = count / (time.perf_counter() - began)
    worker.stop()
    await task
    return rate


async def test_mails_a_second(promise, mailers, fast, sink, database):
    letter = preview("review.received", "en", "friendly", fast)
    raw = written(
        sender=("", "a@nordlicht.example"),
        to=("", "b@x.example"),
        subject=letter.subject,
        date=datetime.now(UTC),
        message_id="<a@nordlicht.example>",
        text=letter.text,
        html=letter.html,
    )
    for _ in range(1000):
        await promise()
    before = await raw_rate(sink, raw, 1000)
    ours = await worker_rate(fast, 1000)
    after = await raw_rate(sink, raw, 1000)

    alone = (before + after) / 2
    print(
        f"\n{database[:8]}: worker {ours:.0f}/s, aiosmtplib {alone:.0f}/s, ratio {ours / alone:.2f}"
    )


async def test_lateness_at_fifty_mails_a_second(promise, mailers, fast, database):
    start = datetime.now(UTC) + timedelta(seconds=4)
    for number in range(400):
        await promise(due_at=start + timedelta(milliseconds=20 * number))
    worker = Worker(fast)
    task = asyncio.create_task(worker.run())
    while await OutboxMail.filter(status__in=["SCHEDULED", "SENDING"]).exists():
        await asyncio.sleep(0.5)
    worker.stop()
    await task

    late = sorted([row.dated_at - row.due_at async for row in OutboxMail.all()])
    print(
        f"\n{database[:8]}: late p50 {statistics.median(late):.0f} ms, p99 {late[int(len(late) * 0.99)]} ms"
    )


async def test_a_claim_beside_half_a_million_rows(store, database):
    await fill(500_000)
    for _ in range(20):
        await outbox.claim_due(limit=8, lease=60)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        await outbox.claim_due(limit=8, lease=60)
        times.append((time.perf_counter() - began) * 1000)

    print(f"\n{database[:8]}: a claim of nothing takes {statistics.median(times):.2f} ms")


async def fill(count):
    """Sent mails, and one in five that is due next year."""
    connection = get_connection("default")
    postgres = connection.capabilities.dialect == "postgres"
    ids = "gen_random_uuid()" if postgres else "lower(hex(randomblob(16)))"
    numbers = (
        "generate_series(1, {0}) AS s(n)"
        if postgres
        else "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {0}) SELECT n FROM s)"
    )
    true = "true" if postgres else "1"
    moment = outbox.now()
    await connection.execute_script(
        f"""INSERT INTO outbox_mail (id, mail, dedupe_key, audience, recipient, subject_type,
        subject_id, params, status, due_at, expires_at, attempts, ambiguous, in_data, created_at)
        SELECT {ids}, 'review.received', 'key:' || n, 'VENDOR', 'V', 'Review', {ids}, '{{}}',
        CASE WHEN n % 5 = 0 THEN 'SCHEDULED' ELSE 'SENT' END,
        CASE WHEN n % 5 = 0 THEN {moment + 31_536_000_000} + n ELSE {moment} - n END,
        NULL, 0, 0, {true}, {moment} FROM {numbers.format(count)}"""
    )
    await connection.execute_script("ANALYZE")
