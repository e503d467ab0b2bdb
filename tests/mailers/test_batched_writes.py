import asyncio
from datetime import UTC, datetime

import pytest

from mailers.outbox import batched_writes, claims
from mailers.outbox.batched_writes import BatchWriter, Change
from models import MailAttempt, OutboxMail

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def statements(monkeypatch):
    """The changes of each statement."""
    write, batches = batched_writes.write, []

    async def recorded(changes):
        batches.append(changes)
        return await write(changes)

    monkeypatch.setattr(batched_writes, "write", recorded)
    return batches


async def claimed(promise, count):
    for _ in range(count):
        await promise()
    return await claims.claim_due(limit=count, lease=60)


def mark(mail, writer):
    return claims.mark(mail, address="nina@example.com", dated_at=7, lease=60, write=writer.write)


async def test_changes_at_the_same_time_are_one_statement(promise, statements):
    mails, writer = await claimed(promise, 12), BatchWriter()

    marked = await asyncio.gather(*(mark(mail, writer) for mail in mails))

    assert marked == [True] * 12
    assert len(statements) == 1
    assert await OutboxMail.filter(in_data=True, dated_at=7, status="SENDING").count() == 12


async def test_changes_during_a_statement_are_written_by_the_next_one(promise, statements):
    mails, writer = await claimed(promise, 9), BatchWriter()

    first = asyncio.create_task(mark(mails[0], writer))
    while not statements:
        await asyncio.sleep(0)
    others = await asyncio.gather(*(mark(mail, writer) for mail in mails[1:]))

    assert [await first, *others] == [True] * 9
    assert [len(batch) for batch in statements] == [1, 8]


async def test_marks_and_different_outcomes_are_written_together(promise, statements, at):
    at(NOON)
    mails, writer = await claimed(promise, 4), BatchWriter()
    sent, dead, later, marked = mails

    await asyncio.gather(
        claims.finish(sent, "SENT", code=250, write=writer.write),
        claims.finish(dead, "DEAD", reason="refused", code=550, error="no", write=writer.write),
        claims.reschedule(later, delay=60, code=450, error="later", write=writer.write),
        mark(marked, writer),
    )

    assert len(statements) == 1
    rows = {row.id: row async for row in OutboxMail.all()}
    stored = [
        (row.status.value, row.reason, row.attempts, row.last_code, row.last_error, row.in_data)
        for row in (rows[mail.id] for mail in mails)
    ]
    assert stored == [
        ("SENT", None, 1, 250, None, False),
        ("DEAD", "refused", 1, 550, "no", False),
        ("SCHEDULED", None, 1, 450, "later", False),
        ("SENDING", None, 0, None, None, True),
    ]
    assert [rows[mail.id].finished_at for mail in mails] == [claims.now(), claims.now(), None, None]
    assert [rows[mail.id].lease_token is None for mail in mails] == [True, True, True, False]
    assert rows[later.id].due_at == claims.now() + 60_000


async def test_a_failed_attempt_is_stored_only_if_the_lease_held(promise):
    lost, kept = await claimed(promise, 2)
    await claims.release(lost)

    await asyncio.gather(
        *(claims.finish(mail, "DEAD", code=550, error="no") for mail in (lost, kept))
    )

    [attempt] = await MailAttempt.all()
    assert (attempt.mail_id, attempt.code, attempt.error) == (kept.id, 550, "no")


async def test_an_outcome_is_not_written_if_its_attempt_cannot_be_stored(promise, monkeypatch):
    [mail] = await claimed(promise, 1)

    async def away(_failed):
        raise OSError("the database is away")

    monkeypatch.setattr(batched_writes, "_insert_attempts", away)
    with pytest.raises(OSError, match="away"):
        await claims.finish(mail, "DEAD", code=550, error="no")

    [row] = await OutboxMail.all()
    assert (row.status, row.attempts) == ("SENDING", 0)


async def test_a_lost_lease_is_fenced_and_does_not_affect_other_mails(promise, at, statements):
    at(NOON)
    lost, kept = await claimed(promise, 2)
    at(NOON, seconds=50)
    await claims.release(lost)
    [other] = await claims.claim_due(limit=1, lease=60)
    writer = BatchWriter()

    passed = await asyncio.gather(mark(lost, writer), mark(kept, writer))

    assert other.id == lost.id
    assert passed == [False, True]
    assert len([batch for batch in statements if len(batch) == 2]) == 1


async def test_only_the_newest_lease_of_a_mail_claimed_twice_is_good(promise):
    [lost] = await claimed(promise, 1)
    await claims.release(lost)
    [again] = await claims.claim_due(limit=1, lease=60)
    writer = BatchWriter()

    passed = await asyncio.gather(mark(lost, writer), mark(again, writer))
    closed = await asyncio.gather(
        claims.finish(again, "SENT", write=writer.write),
        claims.finish(lost, "DEAD", write=writer.write),
    )

    assert passed == [False, True]
    assert closed == [True, False]


async def test_a_change_that_cannot_be_written_fails_alone(promise):
    mails, writer = await claimed(promise, 3), BatchWriter()
    bad = Change(mails[1].id, mails[1].lease_token, {"status": "NONSENSE" * 9, "attempts": 10**30})

    results = await asyncio.gather(
        mark(mails[0], writer), writer.write(bad), mark(mails[2], writer), return_exceptions=True
    )

    assert results[::2] == [True, True]
    assert isinstance(results[1], Exception)


async def test_an_error_of_the_database_reaches_every_writer(promise, monkeypatch):
    mails, writer = await claimed(promise, 3), BatchWriter()
    write = batched_writes.write

    async def away(_changes):
        raise OSError("the database is away")

    monkeypatch.setattr(batched_writes, "write", away)
    results = await asyncio.gather(*(mark(mail, writer) for mail in mails), return_exceptions=True)
    monkeypatch.setattr(batched_writes, "write", write)

    assert [str(result) for result in results] == ["the database is away"] * 3
    assert await mark(mails[0], writer)  # it works again


@pytest.mark.parametrize("text", ["a\x00b", "a\udc80b", "x" * 5000, "a\r\nb\u202e", "'; DROP"])
async def test_any_text_of_a_server_can_be_stored(text, promise):
    [mail] = await claimed(promise, 1)

    assert await claims.finish(mail, "DEAD", reason="refused", error=text)

    [row] = await OutboxMail.all()
    assert row.status == "DEAD"
    assert row.last_error.isprintable()
    assert len(row.last_error) <= 300
