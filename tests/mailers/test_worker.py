"""How one mail ends, depending on the relay, the recipient and the mailer."""

import asyncio
import email
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mailers import withdraw
from mailers.catalogue import Category
from mailers.outbox import suppression
from mailers.worker.worker import Worker
from models import MailAttempt, MailSuppression
from tests.mailers.working import end_of, working
from tests.waiting import until


async def test_a_due_mail_is_sent_once_with_its_headers(send, inbox, serve, config_for):
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


async def test_a_greylisted_mail_is_retried(send, inbox, serve, config_for):
    inbox.plan["b@x.example"] = ["450 4.2.0 later", "450 4.2.0 later", None]
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, inbox.got("b@x.example")) == ("SENT", 3, 1)


async def test_each_failed_attempt_is_stored_with_the_relays_response(
    send, inbox, serve, config_for
):
    inbox.plan["b@x.example"] = ["450 4.2.0 greylisted", "451 4.3.0 busy", "550 5.7.1 no"]
    config = config_for(await serve(inbox))
    row, fine = await send("b@x.example"), await send("c@x.example")

    async with working(config):
        await end_of(row)
        await end_of(fine)

    attempts = await MailAttempt.all().order_by("failed_at", "id")
    assert [(each.mail_id, each.status, each.code, each.error) for each in attempts] == [
        (row.id, "SCHEDULED", 450, "4.2.0 greylisted"),
        (row.id, "SCHEDULED", 451, "4.3.0 busy"),
        (row.id, "DEAD", 550, "5.7.1 no"),
    ]
    assert row.attempts == 3


async def test_a_mail_is_dead_after_ten_attempts(send, inbox, serve, config_for):
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


async def test_a_relay_that_distrusts_us_suppresses_nobody(send, inbox, serve, config_for):
    inbox.plan["data"] = "550 5.7.515 Access denied"
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await end_of(row)

    assert row.status == "DEAD"
    assert await MailSuppression.all().count() == 0


async def test_an_overdue_mail_expires(send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send("b@x.example", expires_at=datetime.now(UTC) - timedelta(seconds=1))

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, inbox.mails) == ("EXPIRED", 0, [])


async def test_a_mail_that_asks_is_uncertain_without_a_response(send, inbox, serve, config_for):
    inbox.plan["data"] = "drop"
    config = config_for(await serve(inbox))
    row = await send("b@x.example", "rating.promoter")

    async with working(config):
        await end_of(row)

    assert (row.status, row.attempts, row.in_data) == ("UNCERTAIN", 1, True)


async def test_a_mail_that_informs_is_sent_again_without_a_response_with_the_same_id_and_date(
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


async def test_a_mail_cancelled_during_rcpt_is_stopped_before_data(send, inbox, serve, config_for):
    gate = inbox.gates["b@x.example"] = asyncio.Event()
    config = config_for(await serve(inbox))
    row = await send("b@x.example")

    async with working(config):
        await until(lambda: "b@x.example" in inbox.held)
        await withdraw("review.received", about=row.subject_id, because="it is gone")
        gate.set()  # a stopping worker finishes the mail that it has begun

    await row.refresh_from_db()
    assert (row.status, row.reason, inbox.mails) == ("CANCELLED", "withdrawn: it is gone", [])


async def test_the_mailer_has_the_last_word(send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send("b@x.example", skip="the review is gone")

    async with working(config):
        await end_of(row)

    assert (row.status, row.reason, row.attempts) == ("CANCELLED", "the review is gone", 0)


async def test_a_bug_affects_one_mail_and_not_the_worker(send, inbox, serve, config_for, caplog):
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
async def test_a_bad_address_is_never_sent(address, send, inbox, serve, config_for):
    config = config_for(await serve(inbox))
    row = await send(address)

    async with working(config):
        await end_of(row)

    assert row.status == "CANCELLED"
    assert (inbox.mails, inbox.connections) == ([], 0)


async def test_after_an_opt_out_mails_that_ask_are_skipped_and_others_sent(
    send, inbox, serve, config_for
):
    config = config_for(await serve(inbox))
    reminder, received = await send("b@x.example", "review.reminder"), await send("b@x.example")
    recipient = suppression.recipient_hash(config.secret, " B@x.example")
    await suppression.opt_out(recipient, [Category.REMINDERS])
    await suppression.opt_out(recipient, [Category.REMINDERS])

    async with working(config):
        await end_of(reminder)
        await end_of(received)

    assert (reminder.status, reminder.reason) == (
        "CANCELLED",
        "the recipient does not want such mails",
    )
    assert received.status == "SENT"
    assert await suppression.declined(recipient) == {Category.REMINDERS}
    await suppression.opt_in(recipient, [Category.REMINDERS])
    assert await suppression.declined(recipient) == set()


def test_a_wrong_configuration_is_refused_before_anything_runs(config):
    with pytest.raises(ValueError, match="must begin with"):
        Worker(replace(config, smtp_url="nonsense"))
    with pytest.raises(ValueError, match="must read"):
        Worker(replace(config, mail_from="nonsense"))
