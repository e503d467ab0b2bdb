"""The worker while the relay or the database is out, or the relay refuses us."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from mailers.outbox import batched_writes, claims
from mailers.worker import circuit_breaker
from models import MailAttempt, MailChannel, Notification, OutboxMail
from tests.mailers.working import all_left, end_of, number_of, working
from tests.waiting import never, until


async def test_an_outage_is_no_attempt(send, config_for):
    row = await send("b@x.example")

    async def failed_often():
        return (await circuit_breaker.read()).failures >= 3

    async with working(config_for(1)):
        await until(failed_often)

    await row.refresh_from_db()
    assert (row.status, row.attempts) == ("SCHEDULED", 0)
    assert not await MailAttempt.all().exists()


async def test_an_outage_uses_up_no_attempts_and_all_workers_share_the_breaker(
    send, inbox, serve, config_for
):
    port = await serve(inbox)
    serve_again = serve.server
    serve_again.close()
    config = config_for(port, connections=4)
    for number in range(60):
        await send(f"b{number}@x.example")

    async with working(config, config):
        await asyncio.sleep(2)
        failures = (await circuit_breaker.read()).failures
        assert await OutboxMail.filter(status="SENT").count() == 0
        await serve(inbox, port=port)
        await all_left()

    assert failures < 12  # each worker's connections count once, then one probe at a time
    assert len(inbox.mails) == 60
    assert await OutboxMail.filter(status="SENT", attempts=1).count() == 60
    assert (await circuit_breaker.read()).is_closed


async def test_five_such_refusals_open_the_circuit_breaker(send, inbox, serve, config_for):
    inbox.plan["data"] = "550 5.7.515 Access denied"
    config = config_for(await serve(inbox), connections=1)
    pace = replace(config.pace, longest_pause=300.0)
    rows = [await send(f"b{number}@x.example") for number in range(8)]

    async def opened():
        return not (await circuit_breaker.read()).is_closed

    async def more_than_five_dead():
        return await number_of("DEAD") > 5

    async with working(replace(config, pace=pace)):
        await until(opened)
        await never(more_than_five_dead)

    assert await number_of("DEAD") == 5
    assert await OutboxMail.filter(status="SCHEDULED", attempts=0).count() == len(rows) - 5
    assert "5.7.515" in (await MailChannel.get(name="smtp")).last_error


async def test_the_breaker_is_open_for_a_minute_after_throttling(send, inbox, serve, config_for):
    inbox.plan["mail"] = "454 4.7.0 Throttling failure"
    config = config_for(await serve(inbox))
    pace = replace(config.pace, longest_pause=300.0)
    row = await send("b@x.example")

    async def given_back():
        await row.refresh_from_db()
        return row.last_code and row.status == "SCHEDULED"

    async with working(replace(config, pace=pace)):
        await until(given_back)

    state = await circuit_breaker.read()
    await row.refresh_from_db()
    assert 55_000 < state.down_until - claims.now() <= 60_000
    assert (row.status, row.attempts, row.last_code) == ("SCHEDULED", 0, 454)


async def test_admins_get_one_notification_a_day_that_the_relay_refuses_us(
    send, inbox, serve, config_for
):
    inbox.plan = {"mail": ["553 5.7.1 sender refused", "553 5.7.1 sender refused", None]}
    row = await send("nina@example.com")
    config = config_for(await serve(inbox))

    async with working(config):
        await end_of(row)

    [notification] = await Notification.filter(kind="mail.refused")
    assert (notification.audience, notification.recipient) == ("ADMIN", "admin")
    assert (notification.subject_type, notification.subject_id) == ("MailDelivery", row.id)
    assert (row.status, row.attempts) == ("SENT", 1)


async def test_the_worker_survives_an_outage_of_the_database(
    send, inbox, serve, config_for, monkeypatch
):
    claim_due, calls = claims.claim_due, []

    async def claim(**options):
        calls.append(options)
        if len(calls) < 3:
            raise OSError("the database is away")
        return await claim_due(**options)

    monkeypatch.setattr(claims, "claim_due", claim)
    monkeypatch.setattr("mailers.worker.worker._RETRY_AFTER", 0.05)
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert row.status == "SENT"


async def test_a_250_is_stored_when_the_database_is_back(
    send, inbox, serve, config_for, monkeypatch
):
    write, calls = batched_writes.write, []

    async def failing(changes):
        if changes[0].values.get("status") == "SENT":
            calls.append(changes)
            if len(calls) < 3:
                raise OSError("the database is away")
        return await write(changes)

    monkeypatch.setattr(batched_writes, "write", failing)
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert (row.status, inbox.got("b@x.example")) == ("SENT", 1)


async def test_cut_database_connections_lose_and_duplicate_nothing(
    send, inbox, serve, config_for, store, database
):
    if database.startswith("sqlite"):
        pytest.skip("a file has no connections to cut")
    config = config_for(await serve(inbox), connections=4)
    for number in range(300):
        await send(f"b{number}@x.example")
    admin = await asyncpg.connect(database.replace("postgres://", "postgresql://", 1))

    async with working(config):
        for cut in range(8):
            await until(lambda cut=cut: len(inbox.mails) > 30 * cut, 30)
            await admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await until(lambda: len(inbox.mails) >= 300, 60)
        await all_left()
    await admin.close()

    recipients = [recipient for recipient, _ in inbox.mails]
    statuses = {row.status.value async for row in OutboxMail.all()}
    assert statuses == {"SENT"}
    assert len(recipients) == len(set(recipients)) == 300
