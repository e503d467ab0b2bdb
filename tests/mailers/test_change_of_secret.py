"""After a change of the secret, links and tokens still work, and opt-outs are still honoured."""

import asyncio
import email
import email.policy
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from candor import mail_worker
from candor.app import create_app
from candor.callers.tokens import sign
from mailers.configuration import Pace
from mailers.worker.worker import Worker
from models import MailSecret, OutboxMail
from tests.waiting import until

SECOND, THIRD = (
    "the second secret, long enough to sign with",
    "the third one is long enough as well",
)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
ELIGIBLE = '{ order(ref: {externalId: "ORDER-1"}) { reviewEligibility { eligible } } }'


@pytest.fixture
def changed(settings):
    return replace(settings, secret=SECOND, secret_previous=settings.secret)


@pytest.fixture
def deliver(inbox, serve):
    """Send due mails by real SMTP, as an installation with these settings; returns the new ones."""

    async def make(settings):
        port, before = await serve(inbox), len(inbox.mails)
        config = replace(
            mail_worker.configuration(settings),
            smtp_url=f"smtp://127.0.0.1:{port}",
            mail_from="Nordlicht <no-reply@nordlicht.example>",
            public_url="https://reviews.nordlicht.example",
            pace=Pace(poll=0.05),
        )
        worker = Worker(config)
        task = asyncio.create_task(worker.run())
        now = int(datetime.now(UTC).timestamp() * 1000)
        due = OutboxMail.filter(status__in=["SCHEDULED", "SENDING"], due_at__lte=now)

        async def all_left():
            return not await due.exists()

        await until(all_left)
        worker.stop()
        await task
        return [
            email.message_from_bytes(raw, policy=email.policy.default)
            for _, raw in inbox.mails[before:]
        ]

    return make


@pytest.fixture
def remind(feed, deliver):
    """Feed an order and send its reminder, as an installation with these settings."""

    async def make(order, settings):
        completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
        await feed(order, completedAt=completed.isoformat())
        return await deliver(settings)

    return make


@asynccontextmanager
async def served(settings):
    transport = httpx.ASGITransport(app=create_app(settings))
    async with httpx.AsyncClient(transport=transport, base_url="http://candor.test") as client:
        yield client


def token_in(message):
    return re.search(r"/r/([\w-]+)", message.get_body(("plain",)).get_content())[1]


def unsubscribe_path(message):
    return re.search(r"(/unsubscribe/[\w-]+)>", message["List-Unsubscribe"])[1]


async def ask(client, token, query=ELIGIBLE):
    headers = {"Authorization": f"Bearer {token}"}
    return (await client.post("/graphql", json={"query": query}, headers=headers)).json()


async def test_links_of_earlier_mails_still_work(remind, settings, changed):
    [before] = await remind("ORDER-1", settings)
    link = token_in(before)

    async with served(changed) as client:
        page = await client.get(f"/r/{link}")
        eligibility = await ask(client, link)
        choice = await client.get(unsubscribe_path(before))
    async with served(replace(changed, secret_previous=None)) as client:
        expired = await client.get(f"/r/{link}")
        refused = await ask(client, link)

    assert (page.status_code, choice.status_code) == (200, 200)
    assert eligibility["data"]["order"]["reviewEligibility"]["eligible"] is True
    assert expired.status_code == 404
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_earlier_tokens_still_work_and_new_ones_use_the_new_secret(app, settings, changed):
    claims, hour = {"sub": "MARIA", "role": "customer"}, timedelta(hours=1)
    before, after = sign(settings, claims, hour), sign(changed, claims, hour)
    foreign = sign(replace(settings, secret=THIRD), claims, hour)
    query, accepted = "{ viewer { externalId } }", {}

    for name, installation in {
        "before": settings,
        "changed": changed,
        "later": replace(changed, secret_previous=None),
    }.items():
        async with served(installation) as client:
            responses = [await ask(client, token, query) for token in (before, after, foreign)]
        accepted[name] = ["data" in response for response in responses]

    assert accepted == {
        "before": [True, False, False],
        "changed": [True, True, False],
        "later": [False, True, False],
    }


async def test_new_mails_are_signed_with_the_new_secret(remind, settings, changed):
    [message] = await remind("ORDER-1", changed)

    async with served(replace(changed, secret_previous=None)) as client:
        assert (await client.get(f"/r/{token_in(message)}")).status_code == 200
        assert (await client.get(unsubscribe_path(message))).status_code == 200
    async with served(settings) as client:
        assert (await client.get(f"/r/{token_in(message)}")).status_code == 404


@pytest.mark.parametrize("is_kept", [True, False], ids=["", "of an older version"])
async def test_an_opt_out_is_honoured_after_the_change_and_when_the_old_secret_is_gone(
    app, client, remind, settings, changed, is_kept
):
    [before] = await remind("ORDER-1", settings)
    if not is_kept:
        await MailSecret.all().delete()
    assert (await client.post(unsubscribe_path(before), data=ONE_CLICK)).status_code == 200

    assert await remind("ORDER-2", changed) == []
    assert await remind("ORDER-3", replace(changed, secret_previous=None)) == []
    again = replace(changed, secret=THIRD, secret_previous=SECOND)
    assert await remind("ORDER-4", again) == []
    assert await remind("ORDER-5", replace(again, secret_previous=None)) == []
    skipped = await OutboxMail.filter(mail="review.reminder", status="CANCELLED")
    assert {row.reason for row in skipped} == {"the recipient does not want such mails"}
    assert len(skipped) == 4


async def test_an_earlier_opt_out_is_taken_back_by_a_later_mail_and_the_reverse(
    app, client, remind, settings, changed
):
    [before] = await remind("ORDER-1", settings)
    async with served(changed) as now:
        [after] = await remind("ORDER-2", changed)
        for link, other in (
            (unsubscribe_path(before), unsubscribe_path(after)),
            (unsubscribe_path(after), unsubscribe_path(before)),
        ):
            assert (await now.post(link, data=ONE_CLICK)).status_code == 200
            assert await remind(f"{link[-8:]}-1", changed) == []
            choice = {"choose": "yes", "category": ["REMINDERS", "FOLLOW_UPS", "RATING_REQUESTS"]}
            assert (await now.post(other, data=choice)).status_code == 200
            assert len(await remind(f"{link[-8:]}-2", changed)) == 1


async def test_a_mail_keeps_its_message_id_in_an_attempt_after_the_change(
    remind, deliver, settings, changed
):
    [before] = await remind("ORDER-1", settings)
    await OutboxMail.filter(mail="review.reminder").update(status="SCHEDULED")

    [again] = await deliver(changed)

    assert again["Message-ID"] == before["Message-ID"]


async def test_a_change_without_the_old_secret_is_logged(remind, settings, caplog, database):
    await remind("ORDER-1", settings)
    kept = await MailSecret.get(name="lasting")
    assert settings.secret not in kept.locked

    await remind("ORDER-2", replace(settings, secret=SECOND))

    assert "set CANDOR_SECRET_PREVIOUS" in caplog.text
    assert (await MailSecret.get(name="lasting")).locked == kept.locked
