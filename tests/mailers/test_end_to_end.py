"""From the storefront to the inbox: GraphQL, outbox, worker, SMTP, and back by the mail's link."""

import asyncio
import email
import email.policy
import re
from datetime import UTC, datetime, timedelta

import pytest

from mailers.configuration import MailConfig, Pace
from mailers.links import Purpose, read
from mailers.worker import Worker
from models import Order, OutboxMail


@pytest.fixture
def deliver(settings, inbox, serve):
    """Send what is due by real SMTP; the mails that arrived since, by subject."""

    async def make():
        port, seen = await serve(inbox), len(inbox.mails)
        config = MailConfig(
            secret=settings.secret,
            smtp_url=f"smtp://127.0.0.1:{port}",
            mail_from="Nordlicht <no-reply@nordlicht.example>",
            public_url="https://reviews.nordlicht.example",
            pace=Pace(poll=0.05),
        )
        worker = Worker(config)
        task = asyncio.create_task(worker.run())
        async with asyncio.timeout(10):
            now = datetime.now(UTC).timestamp() * 1000
            due = OutboxMail.filter(status__in=["SCHEDULED", "SENDING"], due_at__lte=int(now))
            while await due.exists():
                await asyncio.sleep(0.02)
        worker.stop()
        await task
        arrived = [
            email.message_from_bytes(raw, policy=email.policy.default)
            for _, raw in inbox.mails[seen:]
        ]
        return {message["Subject"]: message for message in arrived}

    return make


async def write(maria):
    payload = await maria.do(
        "createReview",
        "review { id }",
        order={"externalId": "ORDER-1"},
        rating=5,
        body="Very good work, on time.",
    )
    assert payload["errors"] == []
    return payload["review"]["id"]


async def test_an_order_is_reminded_reviewed_and_answered(feed, maria, nina, deliver, settings):
    completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
    await feed("ORDER-1", completedAt=completed.isoformat())

    [(subject, reminder)] = (await deliver()).items()

    text = reminder.get_body(("plain",)).get_content()
    token = re.search(r"/r/([\w-]+)\?rating=5", text)[1]
    claim = read(settings.secret, token, Purpose.REVIEW)
    assert subject == "How was A logo?"
    assert reminder["To"] == "Maria Souza <maria@example.com>"
    assert reminder["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert claim.subject == (await Order.get(external_id="ORDER-1")).id

    review_id = await write(maria)
    [(subject, told)] = (await deliver()).items()
    assert (subject, told["To"]) == (
        "New review of A logo: 5 of 5 stars",
        "Nina <nina@example.com>",
    )

    await nina.do("replyToReview", reviewId=review_id, body="Thank you, Maria.")
    [(subject, answered)] = (await deliver()).items()
    assert (subject, answered["To"]) == (
        "Nina answered your review",
        "Maria Souza <maria@example.com>",
    )
    assert "> Thank you, Maria." in answered.get_body(("plain",)).get_content()

    statuses = {row.mail: row.status.value async for row in OutboxMail.all()}
    assert statuses == {
        "review.reminder": "SENT",
        "review.received": "SENT",
        "review.replied": "SENT",
    }


async def test_who_reviewed_in_time_is_not_reminded(feed, maria, deliver):
    completed = datetime.now(UTC) - timedelta(days=2)
    await feed("ORDER-1", completedAt=completed.isoformat())
    await write(maria)

    assert list(await deliver()) == ["New review of A logo: 5 of 5 stars"]

    reminder = await OutboxMail.get(mail="review.reminder")
    assert (reminder.status, reminder.reason) == ("CANCELLED", "withdrawn: the order was reviewed")
