from datetime import UTC, datetime

from mailers.outbox import claims, retention
from models import MailAttempt, OutboxMail

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def sent(promise, **options):
    row = await promise(**options)
    [mail] = await claims.claim_due(limit=1, lease=60)
    await claims.finish(mail, "SENT", error="250 queued for nina@example.com")
    return row


async def test_personal_data_is_cleared_after_ninety_days_and_the_key_is_kept(promise, at):
    at(NOON)
    row = await sent(promise, address="nina@example.com")

    at(NOON, days=90)
    assert await retention.forget_old() == 0
    at(NOON, days=90, seconds=1)
    assert await retention.forget_old() == 1
    assert await retention.forget_old() == 0

    await row.refresh_from_db()
    assert (row.recipient, row.address, row.params, row.last_error) == ("", None, {}, None)
    assert row.status == "SENT"
    await promise(about=row.subject_id)
    assert await OutboxMail.all().count() == 1


async def failed(promise, **options):
    await promise(**options)
    [mail] = await claims.claim_due(limit=1, lease=60)
    await claims.finish(mail, "DEAD", code=550, error="no such user nina@example.com")
    return mail.id


async def test_attempts_are_deleted_with_the_person(promise, at):
    at(NOON)
    hers, his = await failed(promise), await failed(promise, to="omar@example.com")

    await retention.forget_person("VENDOR", "nina@example.com")
    assert [row.mail_id async for row in MailAttempt.all()] == [his] != [hers]

    at(NOON, days=90)
    await retention.forget_old()
    assert await MailAttempt.all().count() == 1
    at(NOON, days=90, seconds=1)
    await retention.forget_old()
    assert await MailAttempt.all().count() == 0


async def test_an_erased_person_gets_no_more_mail_and_leaves_no_trace(promise, at):
    at(NOON)
    old = await sent(promise)
    waiting = await promise()
    other = await promise(to="omar@example.com")

    assert await retention.forget_person("VENDOR", "nina@example.com") == 2

    for row in (old, waiting, other):
        await row.refresh_from_db()
    assert [row.status for row in (old, waiting, other)] == ["SENT", "CANCELLED", "SCHEDULED"]
    assert (waiting.address, waiting.recipient) == (None, "")
    assert waiting.reason == "the recipient was erased"
    assert other.address == "omar@example.com"
