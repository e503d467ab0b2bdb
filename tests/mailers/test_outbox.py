import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mailers import withdraw
from mailers.outbox import admin_actions, claims
from models import Notification, OutboxMail
from models.database import transaction
from models.uuid7 import uuid7

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def claim(limit=10):
    return await claims.claim_due(limit=limit, lease=60)


async def test_a_mail_is_claimed_when_it_is_due_and_not_before(promise, at):
    at(NOON)
    row = await promise(due_at=NOON + timedelta(minutes=5))

    at(NOON, minutes=4, seconds=59)
    early = await claim()
    at(NOON, minutes=5)
    [mail] = await claim()

    assert early == []
    assert (mail.id, mail.mail, mail.address) == (row.id, "review.received", "nina@example.com")


async def test_the_most_overdue_mails_are_claimed_first(promise, at):
    at(NOON)
    late = await promise(due_at=NOON - timedelta(hours=1))
    later = await promise(due_at=NOON - timedelta(hours=2))
    await promise(due_at=NOON)

    mails = await claim(limit=2)

    assert [mail.id for mail in mails] == [later.id, late.id]


async def test_a_claimed_mail_is_not_claimed_again(promise):
    await promise()

    assert len(await claim()) == 1
    assert await claim() == []


async def test_claimers_at_the_same_time_never_get_the_same_mail(promise):
    for _ in range(40):
        await promise()

    claimed = await asyncio.gather(*(claim(limit=5) for _ in range(16)))

    ids = [mail.id for mails in claimed for mail in mails]
    assert len(ids) == len(set(ids)) == 40


async def test_a_mail_is_reclaimed_when_its_lease_has_run_out(promise, at):
    at(NOON)
    await promise()
    [mail] = await claim()

    at(NOON, seconds=59)
    assert await claims.reclaim_expired(resend_in=900) == 0
    at(NOON, seconds=61)
    assert await claims.reclaim_expired(resend_in=900) == 1

    [again] = await claim()
    assert again.id == mail.id
    assert again.lease_token != mail.lease_token
    assert again.attempts == 0


async def test_a_renewed_lease_holds(promise, at):
    at(NOON)
    await promise()
    [mail] = await claim()

    at(NOON, seconds=50)
    await claims.renew_leases([mail.lease_token], lease=60)
    at(NOON, seconds=100)

    assert await claims.reclaim_expired(resend_in=900) == 0


async def test_a_worker_that_lost_its_lease_passes_no_gate_and_writes_nothing(promise, at):
    at(NOON)
    row = await promise()
    [slow] = await claim()
    at(NOON, seconds=61)
    await claims.reclaim_expired(resend_in=900)
    [quick] = await claim()

    passed = await claims.mark(slow, address="nina@example.com", dated_at=1, lease=60)
    written = await claims.finish(slow, "DEAD")
    await claims.reschedule(slow, delay=0)

    assert (passed, written) == (False, False)
    await row.refresh_from_db()
    assert (row.status, row.lease_token, row.in_data) == ("SENDING", quick.lease_token, False)


async def test_a_mail_whose_worker_died_in_data_is_held_or_sent_again_by_its_kind(promise, at):
    at(NOON)
    held = await promise("rating.promoter")
    resent = await promise("review.received")
    for mail in await claim():
        assert await claims.mark(mail, address="nina@example.com", dated_at=77, lease=60)

    at(NOON, seconds=61)
    assert await claims.reclaim_expired(resend_in=900) == 2

    await held.refresh_from_db()
    await resent.refresh_from_db()
    assert (held.status, held.dated_at) == ("UNCERTAIN", 77)
    assert (resent.status, resent.ambiguous, resent.attempts) == ("SCHEDULED", 1, 1)
    assert resent.due_at == claims.milliseconds(NOON + timedelta(seconds=961))


async def test_a_mail_without_a_response_is_sent_again_only_once(promise, at):
    at(NOON)
    row = await promise("review.received")
    [mail] = await claim()
    await claims.settle_unanswered(mail, why="nothing came", resend_in=0)
    [again] = await claim()

    await claims.settle_unanswered(again, why="nothing came", resend_in=0)

    await row.refresh_from_db()
    assert (row.status, row.attempts, row.last_error) == ("UNCERTAIN", 2, "nothing came")


async def test_a_late_250_makes_an_uncertain_mail_sent(promise, at):
    at(NOON)
    row = await promise("rating.promoter")
    [mail] = await claim()
    await claims.mark(mail, address="nina@example.com", dated_at=1, lease=60)
    at(NOON, seconds=61)
    await claims.reclaim_expired(resend_in=900)

    assert not await claims.finish(mail, "SENT")
    assert await claims.confirm(mail)

    await row.refresh_from_db()
    assert row.status == "SENT"


async def test_a_released_mail_is_unchanged(promise, at):
    at(NOON)
    row = await promise(due_at=NOON - timedelta(hours=1))
    [mail] = await claim()

    await claims.release(mail)

    before = (row.status, row.due_at, row.attempts)
    await row.refresh_from_db()
    assert (row.status, row.due_at, row.attempts) == before


async def test_a_retry_never_waits_past_the_expiry(promise, at):
    at(NOON)
    row = await promise(expires_at=NOON + timedelta(seconds=30))
    [mail] = await claim()

    await claims.reschedule(mail, delay=600)

    await row.refresh_from_db()
    assert row.due_at == row.expires_at


async def test_a_withdrawal_cancels_a_mail_before_data_and_not_after(promise):
    waiting, sending, in_data = [await promise() for _ in range(3)]
    mails = {mail.id: mail for mail in await claim()}
    await claims.release(mails[waiting.id])
    await claims.mark(mails[in_data.id], address="nina@example.com", dated_at=1, lease=60)

    for row in (waiting, sending, in_data):
        await withdraw("review.received", about=row.subject_id, because="the review is gone")

    for row in (waiting, sending, in_data):
        await row.refresh_from_db()
    assert [row.status for row in (waiting, sending, in_data)] == [
        "CANCELLED",
        "CANCELLED",
        "SENDING",
    ]
    assert waiting.reason == "withdrawn: the review is gone"
    assert not await claims.mark(
        mails[sending.id], address="nina@example.com", dated_at=1, lease=60
    )


async def test_fifty_promises_of_the_same_mail_leave_one(promise):
    subject = uuid7()

    await asyncio.gather(*(promise(about=subject) for _ in range(50)))

    assert await OutboxMail.all().count() == 1
    assert await Notification.all().count() == 1


async def test_a_sent_mail_is_promised_again_only_on_a_new_occasion(promise):
    row = await promise("review.reminder")
    [mail] = await claim()
    await claims.finish(mail, "SENT")

    await promise("review.reminder", about=row.subject_id)
    assert await claim() == []

    await promise("review.reminder", about=row.subject_id, occasion="the second completion")
    assert len(await claim()) == 1


async def test_a_rollback_leaves_no_mail_and_no_notification(promise):
    class Undone(Exception):
        pass

    with pytest.raises(Undone):
        async with transaction():
            await promise()
            raise Undone

    assert await OutboxMail.all().count() == 0
    assert await Notification.all().count() == 0


@pytest.mark.parametrize("status", ["DEAD", "EXPIRED", "UNCERTAIN"])
async def test_an_admin_sends_a_finished_mail_again_with_its_own_date(promise, at, status):
    at(NOON)
    row = await promise()
    [mail] = await claim()
    await claims.mark(mail, address="nina@example.com", dated_at=77, lease=60)
    await claims.finish(mail, status, reason="a test", error="550 no")

    at(NOON, days=9)
    assert await admin_actions.retry(row.id)

    await row.refresh_from_db()
    assert (row.status, row.attempts, row.reason, row.dated_at) == ("SCHEDULED", 0, None, 77)
    [again] = await claim()
    assert again.expires_at > claims.now()


@pytest.mark.parametrize("status", ["SENT", "CANCELLED"])
async def test_a_sent_or_cancelled_mail_cannot_be_retried(promise, status):
    row = await promise()
    [mail] = await claim()
    await claims.finish(mail, status)

    assert not await admin_actions.retry(row.id)
    assert not await admin_actions.retry(uuid7())

    await row.refresh_from_db()
    assert row.status == status


async def test_an_admin_cancels_a_mail_before_data(promise):
    waiting, leaving = await promise(), await promise()
    mails = {mail.id: mail for mail in await claim()}
    await claims.release(mails[waiting.id])
    await claims.mark(mails[leaving.id], address="nina@example.com", dated_at=1, lease=60)

    assert await admin_actions.cancel(waiting.id, because="Ada said so")
    assert not await admin_actions.cancel(waiting.id, because="twice")
    assert not await admin_actions.cancel(leaving.id, because="too late")

    await waiting.refresh_from_db()
    assert (waiting.status, waiting.reason) == ("CANCELLED", "Ada said so")


async def test_the_oldest_and_the_next_due_instants(promise, at):
    at(NOON)
    assert (await admin_actions.oldest_due(), await claims.next_due()) == (None, None)

    soon = await promise(due_at=NOON + timedelta(hours=1))
    assert (await admin_actions.oldest_due(), await claims.next_due()) == (None, soon.due_at)

    late = await promise(due_at=NOON - timedelta(hours=1))
    assert (await admin_actions.oldest_due(), await claims.next_due()) == (late.due_at, late.due_at)
