import asyncio
from datetime import UTC, datetime

import pytest

from mailers.outbox import batched_writes, claims
from mailers.outbox.batched_writes import Entry, Ledger
from models import MailAttempt, OutboxMail

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def statements(monkeypatch):
    """What is written, batch by batch."""
    write, batches = batched_writes.write, []

    async def noted(entries):
        batches.append(entries)
        return await write(entries)

    monkeypatch.setattr(batched_writes, "write", noted)
    return batches


async def claimed(promise, count):
    for _ in range(count):
        await promise()
    return await claims.claim_due(limit=count, lease=60)


def mark(mail, book):
    return claims.mark(mail, address="nina@example.com", dated_at=7, lease=60, write=book.write)


async def test_what_is_written_at_the_same_time_is_one_statement(promise, statements):
    mails, book = await claimed(promise, 12), Ledger()

    marked = await asyncio.gather(*(mark(mail, book) for mail in mails))

    assert marked == [True] * 12
    assert len(statements) == 1
    assert await OutboxMail.filter(in_data=True, dated_at=7, status="SENDING").count() == 12


async def test_what_comes_during_a_statement_is_the_next_one(promise, statements):
    mails, book = await claimed(promise, 9), Ledger()

    first = asyncio.create_task(mark(mails[0], book))
    while not statements:
        await asyncio.sleep(0)
    others = await asyncio.gather(*(mark(mail, book) for mail in mails[1:]))

    assert [await first, *others] == [True] * 9
    assert [len(batch) for batch in statements] == [1, 8]


async def test_marks_and_ends_of_several_kinds_go_together(promise, statements, at):
    at(NOON)
    mails, book = await claimed(promise, 4), Ledger()
    sent, dead, later, marked = mails

    await asyncio.gather(
        claims.finish(sent, "SENT", code=250, write=book.write),
        claims.finish(dead, "DEAD", reason="refused", code=550, error="no", write=book.write),
        claims.reschedule(later, delay=60, code=450, error="later", write=book.write),
        mark(marked, book),
    )

    assert len(statements) == 1
    rows = {row.id: row async for row in OutboxMail.all()}
    told = [
        (row.status.value, row.reason, row.attempts, row.last_code, row.last_error, row.in_data)
        for row in (rows[mail.id] for mail in mails)
    ]
    assert told == [
        ("SENT", None, 1, 250, None, False),
        ("DEAD", "refused", 1, 550, "no", False),
        ("SCHEDULED", None, 1, 450, "later", False),
        ("SENDING", None, 0, None, None, True),
    ]
    assert [rows[mail.id].finished_at for mail in mails] == [claims.now(), claims.now(), None, None]
    assert [rows[mail.id].lease_token is None for mail in mails] == [True, True, True, False]
    assert rows[later.id].due_at == claims.now() + 60_000


async def test_a_failed_try_is_remembered_if_the_lease_held_and_only_then(promise):
    lost, kept = await claimed(promise, 2)
    await claims.release(lost)

    await asyncio.gather(
        *(claims.finish(mail, "DEAD", code=550, error="no") for mail in (lost, kept))
    )

    [attempt] = await MailAttempt.all()
    assert (attempt.mail_id, attempt.code, attempt.error) == (kept.id, 550, "no")


async def test_an_end_that_cannot_be_remembered_is_not_written(promise, monkeypatch):
    [mail] = await claimed(promise, 1)

    async def away(_failed):
        raise OSError("the database is away")

    monkeypatch.setattr(batched_writes, "_remember", away)
    with pytest.raises(OSError, match="away"):
        await claims.finish(mail, "DEAD", code=550, error="no")

    [row] = await OutboxMail.all()
    assert (row.status, row.attempts) == ("SENDING", 0)


async def test_a_lost_lease_is_fenced_and_takes_nobody_along(promise, at, statements):
    at(NOON)
    lost, kept = await claimed(promise, 2)
    at(NOON, seconds=50)
    await claims.release(lost)
    [other] = await claims.claim_due(limit=1, lease=60)
    book = Ledger()

    passed = await asyncio.gather(mark(lost, book), mark(kept, book))

    assert other.id == lost.id
    assert passed == [False, True]
    assert len([batch for batch in statements if len(batch) == 2]) == 1


async def test_a_worker_that_claimed_its_lost_mail_again_has_one_lease_on_it(promise):
    [lost] = await claimed(promise, 1)
    await claims.release(lost)
    [again] = await claims.claim_due(limit=1, lease=60)
    book = Ledger()

    passed = await asyncio.gather(mark(lost, book), mark(again, book))
    closed = await asyncio.gather(
        claims.finish(again, "SENT", write=book.write),
        claims.finish(lost, "DEAD", write=book.write),
    )

    assert passed == [False, True]
    assert closed == [True, False]


async def test_an_entry_that_cannot_be_written_fails_alone(promise):
    mails, book = await claimed(promise, 3), Ledger()
    bad = Entry(mails[1].id, mails[1].lease_token, {"status": "NONSENSE" * 9, "attempts": 10**30})

    answers = await asyncio.gather(
        mark(mails[0], book), book.write(bad), mark(mails[2], book), return_exceptions=True
    )

    assert answers[::2] == [True, True]
    assert isinstance(answers[1], Exception)


async def test_everybody_hears_that_the_database_is_away(promise, monkeypatch):
    mails, book = await claimed(promise, 3), Ledger()
    write = batched_writes.write

    async def away(_entries):
        raise OSError("the database is away")

    monkeypatch.setattr(batched_writes, "write", away)
    answers = await asyncio.gather(*(mark(mail, book) for mail in mails), return_exceptions=True)
    monkeypatch.setattr(batched_writes, "write", write)

    assert [str(answer) for answer in answers] == ["the database is away"] * 3
    assert await mark(mails[0], book)  # it works again


@pytest.mark.parametrize("text", ["a\x00b", "a\udc80b", "x" * 5000, "a\r\nb\u202e", "'; DROP"])
async def test_whatever_a_server_says_can_be_written_down(text, promise):
    [mail] = await claimed(promise, 1)

    assert await claims.finish(mail, "DEAD", reason="refused", error=text)

    [row] = await OutboxMail.all()
    assert row.status == "DEAD"
    assert row.last_error.isprintable()
    assert len(row.last_error) <= 300
