"""When mails leave: due dates, leases, rate, several workers, and a stop."""

import asyncio
import itertools
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mailers.letters.registry import MAILERS
from mailers.mail import Mail, Person, Skipped
from mailers.outbox import batched_writes, claims
from mailers.worker import sender_loop
from mailers.worker.worker import Worker
from models import OutboxMail
from models.announcements import listening
from models.database import transaction
from tests.mailers.working import all_left, end_of, number_of, working
from tests.waiting import never, until, until_listening


async def test_a_mail_leaves_when_it_is_due_and_not_before(send, inbox, serve, config_for):
    arrived, handle = [], inbox.handle_DATA

    async def recorded(server, session, envelope):
        arrived.append(datetime.now(UTC))
        return await handle(server, session, envelope)

    inbox.handle_DATA = recorded
    config = config_for(await serve(inbox))
    due_at = datetime.now(UTC) + timedelta(seconds=0.7)
    row = await send("b@x.example", due_at=due_at)

    async with working(config):
        await end_of(row)

    [moment] = arrived
    assert due_at <= moment
    assert 0 <= row.finished_at - row.due_at < 2000


async def test_a_promise_wakes_the_worker_of_its_process_when_it_commits(
    send, inbox, serve, config_for, database, monkeypatch
):
    config = config_for(await serve(inbox))
    slow = replace(config, pace=replace(config.pace, poll=30.0))

    claim_due, claims_made = claims.claim_due, []

    async def claim(**options):
        claims_made.append(options)
        return await claim_due(**options)

    monkeypatch.setattr(claims, "claim_due", claim)
    async with listening(database), working(slow):
        await until_listening()
        await until(lambda: claims_made)
        async with transaction():
            row = await send("nina@example.com")
            await never(lambda: inbox.mails)
        await end_of(row, seconds=5)

    assert row.status == "SENT"


async def test_a_sender_stores_an_outcome_before_it_marks_the_next_mail(
    send, inbox, serve, config_for, monkeypatch
):
    write, batches = batched_writes.write, []

    async def recorded(changes):
        batches.append({(each.id, each.values.get("status", "MARK")) for each in changes})
        await asyncio.sleep(0.005)
        return await write(changes)

    monkeypatch.setattr(batched_writes, "write", recorded)
    config = config_for(await serve(inbox), connections=1)
    for number in range(12):
        await send(f"b{number}@x.example")

    async with working(config):
        await all_left()

    marked = [mail for batch in batches for mail, status in batch if status == "MARK"]
    place = {change: number for number, batch in enumerate(batches) for change in batch}
    assert len(marked) == 12
    for mail, following in itertools.pairwise(marked):
        assert place[mail, "MARK"] < place[mail, "SENT"] <= place[following, "MARK"]


async def test_a_message_that_waited_too_long_is_composed_again(
    send, inbox, serve, config_for, monkeypatch
):
    state = {"skip": None}

    async def write(_site, _subject_id, *, address, **_params):
        if address == "late@x.example" and state["skip"]:
            return Skipped(state["skip"])
        return Mail(Person("", address), "en", "Hello", "Hello.\n", "<p>Hello.</p>")

    monkeypatch.setitem(MAILERS, "review.received", write)
    gate = inbox.gates["slow@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox), connections=1)
    config = replace(config, pace=replace(config.pace, command=10.0))
    slow, late = await send("slow@x.example"), await send("late@x.example")

    async with working(config):
        await end_of(late, {"SENDING"})
        state["skip"] = "the review is gone"
        await asyncio.sleep(sender_loop._FRESH_FOR + 0.1)  # until then it counts as fresh
        gate.set()
        await end_of(late)

    await slow.refresh_from_db()
    assert slow.status == "SENT"
    assert (late.status, late.reason, inbox.got("late@x.example")) == (
        "CANCELLED",
        "the review is gone",
        0,
    )


async def test_a_missing_mailbox_is_not_tried_by_mails_that_are_composed_already(
    send, inbox, serve, config_for
):
    inbox.plan["b@x.example"] = ["550 5.1.1 no such user", None]
    config = config_for(await serve(inbox), connections=1)
    rows = [await send("b@x.example") for _ in range(2)]

    async with working(config):
        first, second = [await end_of(row) for row in rows]

    assert (first.status, first.reason) == ("DEAD", "refused")
    assert (second.status, second.reason) == ("CANCELLED", "the mailbox does not exist")
    assert inbox.mails == []


async def test_four_workers_send_each_mail_once(send, inbox, serve, config_for):
    config = config_for(await serve(inbox), connections=4)
    for number in range(200):
        await send(f"b{number}@x.example")

    async with working(config, config, config, config):
        await all_left()

    recipients = [recipient for recipient, _ in inbox.mails]
    assert len(recipients) == len(set(recipients)) == 200


async def test_all_connections_share_the_rate_limit(send, inbox, serve, config_for):
    taken = []

    async def recorded(server, session, envelope):
        taken.append(time.monotonic())
        return "250 ok"

    inbox.handle_DATA = recorded
    config = config_for(await serve(inbox), connections=4, rate=20.0)
    for number in range(15):
        await send(f"b{number}@x.example")

    async with working(config):
        await all_left()

    assert len(taken) == 15
    assert 0.6 < max(taken) - min(taken) < 5


async def test_a_mail_that_waits_for_a_slot_is_given_back_at_a_stop(send, inbox, serve, config_for):
    config = config_for(await serve(inbox), connections=2, rate=0.01)
    rows = [await send(f"b{number}@x.example") for number in range(3)]

    async with working(config):
        await end_of(rows[0], {"SENT"})
        await end_of(rows[1], {"SENDING"})

    states = [row.status async for row in OutboxMail.all().order_by("due_at", "id")]
    assert states == ["SENT", "SCHEDULED", "SCHEDULED"]


async def test_a_stop_finishes_mails_in_flight_and_gives_the_others_back(
    send, inbox, serve, config_for
):
    gate = inbox.gates["b0@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox), connections=1)
    for number in range(5):
        await send(f"b{number}@x.example")
    worker = Worker(config)
    task = asyncio.create_task(worker.run())
    await until(lambda: "b0@x.example" in inbox.held)

    async def others_are_given_back():
        return await number_of("SCHEDULED") == 4

    worker.stop()
    await until(others_are_given_back)
    gate.set()
    await task

    states = [row.status async for row in OutboxMail.all().order_by("due_at", "id")]
    assert states == ["SENT"] + ["SCHEDULED"] * 4


async def test_a_stop_waits_for_a_stalled_server_for_a_limited_time(send, inbox, serve, config_for):
    inbox.gates["b@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox))
    pace = replace(config.pace, stop=0.3, command=60.0)
    row = await send("b@x.example")
    worker = Worker(replace(config, pace=pace))
    task = asyncio.create_task(worker.run())
    await until(lambda: "b@x.example" in inbox.held)

    worker.stop()
    async with asyncio.timeout(3):
        await task

    await row.refresh_from_db()
    assert (row.status, row.in_data) == ("SENDING", False)  # until its lease ends
