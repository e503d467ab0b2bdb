"""A change of the secret on real servers, until the old secret is removed."""

import asyncio
import email
import email.policy
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from candor.callers.tokens import sign
from models import OutboxMail, Review
from tests.candor.real_server import start
from tests.fixtures.application import SECRET
from tests.fixtures.reviews import BODY, order_input

SECOND = "the second secret, long enough to sign with"
UPSERT = (
    "mutation($input: UpsertOrdersInput!) { upsertOrders(input: $input)"
    " { errors { code } results { errors { code } } } }"
)
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
ELIGIBLE = '{ order(ref: {externalId: "ORDER-1"}) { reviewEligibility { eligible } } }'


class Installation:
    """Consecutive servers with one database and one relay."""

    def __init__(self, database, folder, smtp_port):
        self._database, self._folder, self._server = database, folder, None
        self._mail = {
            "SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "MAIL_FROM": "Nordlicht <no-reply@nordlicht.example>",
            "PUBLIC_URL": "https://reviews.nordlicht.example",
        }

    async def begin(self, **secrets):
        """Stop the running server, and start one with these secrets."""
        await self.end()
        named = {**self._mail, **secrets, "GRACE": 1}
        self._server = await start(self._database, folder=self._folder, **named)
        await self._server.ready()

    async def end(self):
        if self._server is not None:
            self._server.process.terminate()
            await asyncio.wait_for(self._server.process.wait(), 20)
            await self._server.kill()  # closes our ends of its pipes

    async def send(self, method, path, **named):
        base = f"http://127.0.0.1:{self._server.port}"
        async with httpx.AsyncClient(base_url=base, timeout=30) as client:
            return await client.request(method, path, **named)

    async def ask(self, token, query, variables=None):
        body = {"query": query, "variables": variables}
        headers = {"Authorization": f"Bearer {token}"}
        return (await self.send("POST", "/graphql", json=body, headers=headers)).json()


@pytest.fixture
async def installation(app, database, tmp_path, inbox, serve):
    made = Installation(database, tmp_path, await serve(inbox))
    yield made
    await made.end()


@pytest.fixture
def remind(installation, shop, inbox):
    """Feed an order whose reminder is due; returns the mail, or the reason for none."""

    async def make(name):
        completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
        upsert = {"orders": [order_input(name, completedAt=completed.isoformat())]}
        response = await installation.ask(shop.token, UPSERT, {"input": upsert})
        assert response["data"]["upsertOrders"] == {"errors": [], "results": [{"errors": []}]}
        async with asyncio.timeout(30):
            while await OutboxMail.filter(mail="review.reminder", finished_at=None).exists():
                await asyncio.sleep(0.05)
        newest = await OutboxMail.filter(mail="review.reminder").order_by("-id").first()
        if newest.reason:
            return newest.reason
        [*_, (_, octets)] = inbox.mails
        return email.message_from_bytes(octets, policy=email.policy.default)

    return make


def link_in(message):
    return re.search(r"(/r/[\w-]+)", message.get_body(("plain",)).get_content())[1]


def unsubscribe_path(message):
    return re.search(r"(/unsubscribe/[\w-]+)>", message["List-Unsubscribe"])[1]


def code(response):
    return response["errors"][0]["extensions"]["code"]


async def test_earlier_links_and_tokens_work_until_the_old_secret_is_removed(
    installation, remind, settings, inbox
):
    await installation.begin()
    old = await remind("ORDER-1")
    link, unsubscribe = link_in(old), unsubscribe_path(old)
    token = sign(settings, {"sub": "MARIA", "role": "customer"}, timedelta(hours=1))
    assert settings.secret == SECRET
    assert (await installation.send("GET", link)).status_code == 200

    await installation.begin(SECRET=SECOND, SECRET_PREVIOUS=SECRET)
    new = await remind("ORDER-2")
    assert (await installation.send("GET", link)).status_code == 200
    guest = await installation.ask(link.removeprefix("/r/"), ELIGIBLE)
    assert guest["data"]["order"]["reviewEligibility"] == {"eligible": True}
    viewer = await installation.ask(token, "{ viewer { externalId } }")
    assert viewer["data"]["viewer"]["externalId"] == "MARIA"
    form = {"rating": "4", "body": BODY}
    assert (await installation.send("POST", link, data=form)).status_code in {200, 303}
    assert (await Review.get()).rating == 4
    assert (await installation.send("POST", unsubscribe, data=ONE_CLICK)).status_code == 200
    assert await remind("ORDER-3") == "the recipient does not want such mails"

    await installation.begin(SECRET=SECOND)
    for path in (link, unsubscribe):
        assert (await installation.send("GET", path)).status_code == 404
    assert (await installation.send("POST", unsubscribe, data=ONE_CLICK)).status_code == 404
    for credential in (token, link.removeprefix("/r/")):
        assert code(await installation.ask(credential, ELIGIBLE)) == "UNAUTHENTICATED"
    for path in (link_in(new), unsubscribe_path(new)):
        assert (await installation.send("GET", path)).status_code == 200
    assert await remind("ORDER-4") == "the recipient does not want such mails"
    assert len(inbox.mails) == 2 + len([name for name, _ in inbox.mails if "nina" in name])
