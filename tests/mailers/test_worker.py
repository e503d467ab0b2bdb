import asyncio
import email
import itertools
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from mailers import withdraw
from mailers.catalogue import Category
from mailers.letters.registry import MAILERS
from mailers.mail import Mail, Person, Skipped
from mailers.outbox import batched_writes, claims, suppression
from mailers.worker import circuit_breaker, sender_loop
from mailers.worker.worker import Worker
from models import MailAttempt, MailChannel, MailSuppression, Notification, OutboxMail
from models.announcements import listening
from models.database import transaction
from tests.waiting import never, until, until_listening

SOON = {"SENT", "DEAD", "CANCELLED", "EXPIRED", "UNCERTAIN"}


@pytest.fixture(autouse=True)
def mailers(monkeypatch):
    """Every mail is one line, to the address that it was promised with."""

    async def write(_site, _subject_id, *, address, skip=None, **_params):
        if skip == "bug":
            raise KeyError(skip)
        if skip:
            return Skipped(skip)
        return Mail(Person("", address), "en", "Hello", "Hello.\n", "<p>Hello.</p>")

    for name in ("review.received", "review.reminder", "rating.promoter"):
        monkeypatch.setitem(MAILERS, name, write)


@pytest.fixture
def send(promise):
    async def make(to, mail="review.received", **options):
        return await promise(mail, to=to, address=to, **options)

    return make


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


async def end_of(row, states=SOON, seconds=10):
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


async def test_a_due_mail_is_sent_once_with_all_that_belongs_to_it(send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, row.last_code, row.in_data) == ("SENT", 1, 250, True)
    [(recipient, raw)] = inbox.mails
    message = email.message_from_bytes(raw)
    assert recipient == row.address == "b@x.example"
    assert message["Message-ID"].endswith("@nordlicht.example>")
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == email.utils.format_datetime(
        datetime.fromtimestamp(row.dated_at // 1000, UTC)
    )


async def test_a_mail_leaves_when_it_is_due_and_not_before(send, inbox, serve, config_for):
    arrived, take = [], inbox.handle_DATA

    async def note(server, session, envelope):
        arrived.append(datetime.now(UTC))
        return await take(server, session, envelope)

    inbox.handle_DATA = note
    config = config_for(await serve(inbox))
    due_at = datetime.now(UTC) + timedelta(seconds=0.7)
    row = await send("b@x.example", due_at=due_at)

    async with working(config):
        await end_of(row)

    [moment] = arrived
    assert due_at <= moment
    assert 0 <= row.finished_at - row.due_at < 2000


async def test_greylisting_is_waited_for(send, inbox, serve, config_for):
    inbox.plan["b@x.example"] = ["450 4.2.0 later", "450 4.2.0 later", None]
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, inbox.got("b@x.example")) == ("SENT", 3, 1)


async def test_every_try_that_failed_is_remembered_with_what_the_relay_said(
    send, inbox, serve, config_for
):
    inbox.plan["b@x.example"] = ["450 4.2.0 greylisted", "451 4.3.0 busy", "550 5.7.1 no"]
    config = config_for(await serve(inbox))
    row, fine = await send("b@x.example"), await send("c@x.example")

    async with working(config):
        await end_of(row)
        await end_of(fine)

    tries = await MailAttempt.all().order_by("failed_at", "id")
    assert [(each.mail_id, each.status, each.code, each.error) for each in tries] == [
        (row.id, "SCHEDULED", 450, "4.2.0 greylisted"),
        (row.id, "SCHEDULED", 451, "4.3.0 busy"),
        (row.id, "DEAD", 550, "5.7.1 no"),
    ]
    assert row.attempts == 3


async def test_an_outage_is_no_try(send, config_for):
    row = await send("b@x.example")

    async def failed_often():
        return (await circuit_breaker.look()).failures >= 3

    async with working(config_for(1)):
        await until(failed_often)

    await row.refresh_from_db()
    assert (row.status, row.attempts) == ("SCHEDULED", 0)
    assert not await MailAttempt.all().exists()


async def test_ten_refusals_are_enough(send, inbox, serve, config_for):
    inbox.plan["b@x.example"] = "451 4.3.0 later"
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, row.reason) == ("DEAD", 10, "attempts used up")
    assert (row.last_code, row.last_error) == (451, "4.3.0 later")


async def test_a_full_mailbox_is_tried_until_the_mail_expires(send, inbox, serve, config_for):
    inbox.plan["b@x.example"] = "452 4.2.2 mailbox full"
    config = config_for(await serve(inbox))
    row = await send("b@x.example", expires_at=datetime.now(UTC) + timedelta(seconds=4))

    async with working(config):
        await end_of(row)

    assert row.status == "EXPIRED"
    assert row.attempts > 10


async def test_a_missing_mailbox_is_never_written_to_again(send, inbox, serve, config_for):
    inbox.plan["b@x.example"] = "550 5.1.1 no such user"
    config = config_for(await serve(inbox))

    async with working(config):
        first = await end_of(await send("b@x.example"))
        second = await end_of(await send("B@X.example"))

    assert (first.status, first.reason, first.last_code) == ("DEAD", "refused", 550)
    assert (second.status, second.reason) == ("CANCELLED", "the mailbox does not exist")
    assert inbox.connections == 1


async def test_a_relay_that_finds_fault_with_us_suppresses_nobody(send, inbox, serve, config_for):
    inbox.plan["data"] = "550 5.7.515 Access denied"
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert row.status == "DEAD"
    assert await MailSuppression.all().count() == 0


async def test_five_such_refusals_pause_the_channel(send, inbox, serve, config_for):
    inbox.plan["data"] = "550 5.7.515 Access denied"
    config = config_for(await serve(inbox), connections=1)
    pace = replace(config.pace, longest_pause=300.0)
    rows = [await send(f"b{number}@x.example") for number in range(8)]

    async def paused():
        return not (await circuit_breaker.look()).works

    async def more_than_five_dead():
        return await number_of("DEAD") > 5

    async with working(replace(config, pace=pace)):
        await until(paused)
        await never(more_than_five_dead)

    assert await number_of("DEAD") == 5
    assert await OutboxMail.filter(status="SCHEDULED", attempts=0).count() == len(rows) - 5
    assert "5.7.515" in (await MailChannel.get(name="smtp")).last_error


async def test_an_overdue_mail_expires(send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send("b@x.example", expires_at=datetime.now(UTC) - timedelta(seconds=1))

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, inbox.mails) == ("EXPIRED", 0, [])


async def test_a_lost_answer_holds_a_mail_that_asks(send, inbox, serve, config_for):
    inbox.plan["data"] = "drop"
    config = config_for(await serve(inbox))
    row = await send("b@x.example", "rating.promoter")

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, row.in_data) == ("UNCERTAIN", 1, True)


async def test_a_lost_answer_repeats_a_mail_that_tells_and_it_is_the_same_mail(
    send, inbox, serve, config_for
):
    taken = []

    async def take_and_drop(server, session, envelope):
        taken.append(email.message_from_bytes(envelope.content))
        if len(taken) == 1:
            server.transport.abort()
        return "250 ok"

    inbox.handle_DATA = take_and_drop
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    first, second = taken
    assert (row.status, row.attempts, row.ambiguous) == ("SENT", 2, 1)
    assert (first["Message-ID"], first["Date"]) == (second["Message-ID"], second["Date"])


async def test_what_was_cancelled_during_rcpt_is_stopped_before_data(
    send, inbox, serve, config_for
):
    gate = inbox.gates["b@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await until(lambda: "b@x.example" in inbox.held)
        await withdraw("review.received", about=row.subject_id, because="it is gone")
        gate.set()  # at its end the worker finishes what it has begun

    await row.refresh_from_db()
    assert (row.status, row.reason, inbox.mails) == ("CANCELLED", "withdrawn: it is gone", [])


async def test_the_mailer_has_the_last_word(send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send("b@x.example", skip="the review is gone")

    async with working(config):
        await end_of(row)

    assert (row.status, row.reason, row.attempts) == ("CANCELLED", "the review is gone", 0)


async def test_a_bug_kills_one_mail_and_not_the_worker(send, inbox, serve, config_for, caplog):
    config = config_for(await serve(inbox), connections=1)
    broken, sound = await send("a@x.example", skip="bug"), await send("b@x.example")

    async with working(config):
        await end_of(sound)

    await broken.refresh_from_db()
    assert (broken.status, broken.reason) == ("DEAD", "it cannot be written")
    assert sound.status == "SENT"
    assert str(broken.id) in caplog.text


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\r\nRCPT TO:<c@d.example>",
        "a@b.example> SIZE=1",
        "ä@b.example",
        "a@localhost",
        "",
    ],
)
async def test_a_bad_address_never_reaches_the_wire(address, send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send(address)

    async with working(config):
        await end_of(row)

    assert row.status == "CANCELLED"
    assert (inbox.mails, inbox.connections) == ([], 0)


async def test_who_opted_out_after_the_promise_is_not_asked_but_still_told(
    send, inbox, serve, config_for
):
    config = config_for(await serve(inbox))
    asked, told = await send("b@x.example", "review.reminder"), await send("b@x.example")
    recipient = suppression.recipient_hash(config.secret, " B@x.example")
    await suppression.opt_out(recipient, [Category.REMINDERS])
    await suppression.opt_out(recipient, [Category.REMINDERS])

    async with working(config):
        await end_of(asked)
        await end_of(told)

    assert (asked.status, asked.reason) == ("CANCELLED", "the recipient does not want such mails")
    assert told.status == "SENT"
    assert await suppression.declined(recipient) == {Category.REMINDERS}
    await suppression.opt_in(recipient, [Category.REMINDERS])
    assert await suppression.declined(recipient) == set()


async def test_an_outage_uses_up_no_attempts_and_all_workers_wait_together(
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
        failures = (await circuit_breaker.look()).failures
        assert await OutboxMail.filter(status="SENT").count() == 0
        await serve(inbox, port=port)
        await all_left()

    assert failures < 12  # each worker's connections count once, then one probe at a time
    assert len(inbox.mails) == 60
    assert await OutboxMail.filter(status="SENT", attempts=1).count() == 60
    assert (await circuit_breaker.look()).works


async def test_a_relay_that_throttles_is_left_alone_for_a_minute(send, inbox, serve, config_for):
    inbox.plan["mail"] = "454 4.7.0 Throttling failure"
    config = config_for(await serve(inbox))
    pace = replace(config.pace, longest_pause=300.0)
    row = await send("b@x.example")

    async def given_back():
        await row.refresh_from_db()
        return row.last_code and row.status == "SCHEDULED"

    async with working(replace(config, pace=pace)):
        await until(given_back)

    seen = await circuit_breaker.look()
    await row.refresh_from_db()
    assert 55_000 < seen.down_until - claims.now() <= 60_000
    assert (row.status, row.attempts, row.last_code) == ("SCHEDULED", 0, 454)


async def test_the_worker_outlives_a_database_that_is_away(
    send, inbox, serve, config_for, monkeypatch
):
    claim_due, calls = claims.claim_due, []

    async def claim(**options):
        calls.append(options)
        if len(calls) < 3:
            raise OSError("the database is away")
        return await claim_due(**options)

    monkeypatch.setattr(claims, "claim_due", claim)
    monkeypatch.setattr("mailers.worker.worker._BREATH", 0.05)
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert row.status == "SENT"


async def test_a_250_is_written_down_when_the_database_is_back(
    send, inbox, serve, config_for, monkeypatch
):
    write, calls = batched_writes.write, []

    async def late(entries):
        if entries[0].changes.get("status") == "SENT":
            calls.append(entries)
            if len(calls) < 3:
                raise OSError("the database is away")
        return await write(entries)

    monkeypatch.setattr(batched_writes, "write", late)
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert (row.status, inbox.got("b@x.example")) == ("SENT", 1)


async def test_the_end_of_a_mail_is_written_before_the_next_one_of_its_sender_is_marked(
    send, inbox, serve, config_for, monkeypatch
):
    write, order = batched_writes.write, []

    async def noted(entries):
        order.append({(entry.id, entry.changes.get("status", "MARK")) for entry in entries})
        await asyncio.sleep(0.005)
        return await write(entries)

    monkeypatch.setattr(batched_writes, "write", noted)
    config = config_for(await serve(inbox), connections=1)
    for number in range(12):
        await send(f"b{number}@x.example")

    async with working(config):
        await all_left()

    marked = [mail for batch in order for mail, status in batch if status == "MARK"]
    place = {entry: number for number, batch in enumerate(order) for entry in batch}
    assert len(marked) == 12
    for mail, following in itertools.pairwise(marked):
        assert place[mail, "MARK"] < place[mail, "SENT"] <= place[following, "MARK"]


async def test_a_letter_that_waited_tells_the_world_as_it_is_now(
    send, inbox, serve, config_for, monkeypatch
):
    world = {"skip": None}

    async def write(_site, _subject_id, *, address, **_params):
        if address == "late@x.example" and world["skip"]:
            return Skipped(world["skip"])
        return Mail(Person("", address), "en", "Hello", "Hello.\n", "<p>Hello.</p>")

    monkeypatch.setitem(MAILERS, "review.received", write)
    gate = inbox.gates["slow@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox), connections=1)
    config = replace(config, pace=replace(config.pace, command=10.0))
    slow, late = await send("slow@x.example"), await send("late@x.example")

    async with working(config):
        await end_of(late, {"SENDING"})
        world["skip"] = "the review is gone"
        await asyncio.sleep(sender_loop._FRESH + 0.1)  # so long it counts as fresh
        gate.set()
        await end_of(late)

    await slow.refresh_from_db()
    assert slow.status == "SENT"
    assert (late.status, late.reason, inbox.got("late@x.example")) == (
        "CANCELLED",
        "the review is gone",
        0,
    )


async def test_a_missing_mailbox_is_not_tried_by_mails_that_lie_ready(
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


async def test_cut_database_connections_lose_and_double_nothing(
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


async def test_a_stop_finishes_what_is_in_flight_and_gives_back_the_rest(
    send, inbox, serve, config_for
):
    gate = inbox.gates["b0@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox), connections=1)
    for number in range(5):
        await send(f"b{number}@x.example")
    worker = Worker(config)
    task = asyncio.create_task(worker.run())
    await until(lambda: "b0@x.example" in inbox.held)

    async def rest_is_given_back():
        return await number_of("SCHEDULED") == 4

    worker.stop()
    await until(rest_is_given_back)
    gate.set()
    await task

    states = [row.status async for row in OutboxMail.all().order_by("due_at", "id")]
    assert states == ["SENT"] + ["SCHEDULED"] * 4


async def test_a_stop_waits_for_a_stalled_server_only_so_long(send, inbox, serve, config_for):
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


async def test_four_workers_send_each_mail_once(send, inbox, serve, config_for):
    config = config_for(await serve(inbox), connections=4)
    for number in range(200):
        await send(f"b{number}@x.example")

    async with working(config, config, config, config):
        await all_left()

    recipients = [recipient for recipient, _ in inbox.mails]
    assert len(recipients) == len(set(recipients)) == 200


async def test_a_rate_is_kept_by_all_connections_together(send, inbox, serve, config_for):
    taken = []

    async def note(server, session, envelope):
        taken.append(time.monotonic())
        return "250 ok"

    inbox.handle_DATA = note
    config = config_for(await serve(inbox), connections=4, rate=20.0)
    for number in range(15):
        await send(f"b{number}@x.example")

    async with working(config):
        await all_left()

    assert len(taken) == 15
    assert 0.6 < max(taken) - min(taken) < 5


async def test_a_mail_that_waits_for_its_turn_is_given_back_at_a_stop(
    send, inbox, serve, config_for
):
    config = config_for(await serve(inbox), connections=2, rate=0.01)
    rows = [await send(f"b{number}@x.example") for number in range(3)]

    async with working(config):
        await end_of(rows[0], {"SENT"})
        await end_of(rows[1], {"SENDING"})

    states = [row.status async for row in OutboxMail.all().order_by("due_at", "id")]
    assert states == ["SENT", "SCHEDULED", "SCHEDULED"]


def test_a_wrong_configuration_is_refused_before_anything_runs(config):
    with pytest.raises(ValueError, match="must begin with"):
        Worker(replace(config, smtp_url="nonsense"))
    with pytest.raises(ValueError, match="must read"):
        Worker(replace(config, mail_from="nonsense"))


async def test_admins_find_one_notice_a_day_that_the_relay_refuses_us(
    send, inbox, serve, config_for
):
    inbox.plan = {"mail": ["553 5.7.1 sender refused", "553 5.7.1 sender refused", None]}
    row = await send("nina@example.com")
    config = config_for(await serve(inbox))

    async with working(config):
        await end_of(row)

    [notice] = await Notification.filter(kind="mail.refused")
    assert (notice.audience, notice.recipient) == ("ADMIN", "admin")
    assert (notice.subject_type, notice.subject_id) == ("MailDelivery", row.id)
    assert (row.status, row.attempts) == ("SENT", 1)


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
