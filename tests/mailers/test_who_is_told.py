"""Each event of docs/who-is-told.md is made to happen; who gets a mail and a notice is compared."""

import asyncio
import email
import email.policy
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mailers.catalogue import CATALOGUE, NOTIFICATIONS
from mailers.configuration import MailConfig, Pace
from mailers.outbox.promise import notify_admins_of_refusal
from mailers.worker.worker import Worker
from models import Notification, OutboxMail, TeamMember, TeamRole, clock, sql
from models.team_member import folded_name
from models.uuid7 import uuid7
from tests.fixtures.people import Person
from tests.fixtures.reviews import BODY, REVIEW, order_input
from tests.fixtures.updates import UPDATE
from tests.waiting import until

TABLE = Path(__file__).parents[2] / "docs" / "who-is-told.md"
_KIND = re.compile(r"`([a-z_.]+)`")
NOTHING = "–"
# The persons of the table, by audience and id; a group is everybody in it but who acts.
PERSONS = {
    "author": {("CUSTOMER", "MARIA")},
    "customer": {("CUSTOMER", "MARIA")},
    "vendor": {("VENDOR", "NINA")},
    "team": {("TEAM", "SAM"), ("TEAM", "MO"), ("TEAM", "ADA")},
    "admins": {("TEAM", "ADA")},
    "moderators and admins": {("TEAM", "MO"), ("TEAM", "ADA")},
    "assignee": {("TEAM", "MO")},
    "who solved it": {("TEAM", "SAM")},
    "admin address": {("ADMIN", "admin")},
}
ADDRESSES = {
    ("CUSTOMER", "MARIA"): "maria@example.com",
    ("VENDOR", "NINA"): "nina@example.com",
    ("TEAM", "SAM"): "sam@example.com",
    ("TEAM", "MO"): "mo@example.com",
    ("TEAM", "ADA"): "ada@example.com",
    ("ADMIN", "admin"): "admin@example.com",
}


@dataclass
class Told:
    """Who gets which mails and notices, as pairs of a person and a kind."""

    mails: set[tuple[tuple[str, str], str]] = field(default_factory=set)
    notices: set[tuple[tuple[str, str], str]] = field(default_factory=set)


def rows():
    """The cells of each row of the table."""
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] != "event" and not cells[0].startswith("-"):
            yield cells


def expected(event, actor):
    told = Told()
    for name, person, mail, notice, _ in rows():
        if name != event:
            continue
        people = {who for who in PERSONS[person] if who[1] != actor}
        kinds = _KIND.findall(mail)
        told.mails |= {(who, kind) for who in people for kind in kinds}
        if notice != NOTHING:
            named = _KIND.findall(notice) or kinds
            told.notices |= {(who, kind) for who in people for kind in named}
    return told


@dataclass
class World:
    """A shop with its people; each event happens to an order of its own."""

    maria: Person
    nina: Person
    sam: Person
    mo: Person
    ada: Person
    shop: Person
    numbers: Any = field(default_factory=lambda: count(1))
    # While an event is prepared, every mail is taken as sent at once.
    is_preparing: bool = True

    async def order(self, **changes):
        name = f"ORDER-{next(self.numbers)}"
        payload = await self.shop.do("upsertOrders", "results { outcome }", orders=[order_input(name, **changes)])  # fmt: skip
        assert payload["results"] == [{"outcome": "CREATED"}]
        await self._settle()
        return name

    async def do(self, person, mutation, selection="", /, **input):
        payload = await person.do(mutation, selection, **input)
        assert payload["errors"] == []
        await self._settle()
        return payload

    async def _settle(self):
        if self.is_preparing:
            await OutboxMail.filter(status="SCHEDULED").update(status="SENT")

    async def moderate(self, on):
        await self.do(self.ada, "updateSettings", reviewModeration=on)

    async def review(self, *, waits=False):
        await self.moderate(waits)
        order = {"externalId": await self.order()}
        written = await self.do(self.maria, "createReview", REVIEW, order=order, rating=5, body=BODY)  # fmt: skip
        return written["review"]["id"]

    async def decide(self, review, status, **more):
        decisions = [{"reviewId": review, "status": status} | more]
        await self.do(self.ada, "moderateReviews", "results { errors { code } }", decisions=decisions)  # fmt: skip

    async def update(self, assignee=None):
        order = {"externalId": await self.order()}
        more = {"assignee": {"externalId": assignee}} if assignee else {}
        opened = await self.do(self.sam, "openUpdate", UPDATE, order=order, title="Where is it?", **more)  # fmt: skip
        return opened["orderUpdate"]["id"]

    async def solved(self, assignee=None):
        update = await self.update(assignee)
        await self.do(self.sam, "solveUpdate", updateId=update, notifyCustomer=False)
        return update


Act = Callable[[], Awaitable[Any]]
EVENTS: dict[str, Callable[[World], Awaitable[Act]]] = {}
# Who acts, where it is a member of the team.
ACTORS: dict[str, str] = {}


def event(name, by=None):
    """Register what prepares an event; it returns the act itself."""

    def add(prepare):
        EVENTS[name] = prepare
        if by:
            ACTORS[name] = by
        return prepare

    return add


@event("an order is completed")
async def _(world):
    return world.order


@event("a review is written, moderation off")
async def _(world):
    await world.moderate(False)
    return world.review


@event("a review is written, moderation on")
async def _(world):
    return lambda: world.review(waits=True)


@event("a review waits, no admin address")
async def _(world):
    await world.do(world.ada, "updateSettings", adminEmail=None)
    return lambda: world.review(waits=True)


@event("a waiting review is approved", by="ADA")
async def _(world):
    review = await world.review(waits=True)
    return lambda: world.do(world.ada, "approveReview", reviewId=review)


@event("a waiting review is rejected", by="ADA")
async def _(world):
    review = await world.review(waits=True)
    return lambda: world.do(world.ada, "rejectReview", reviewId=review, reason="SPAM")


@event("a public review is rejected", by="ADA")
async def _(world):
    review = await world.review()
    return lambda: world.decide(review, "REJECTED", reason="SPAM")


@event("a rejected review is approved again", by="ADA")
async def _(world):
    review = await world.review()
    await world.decide(review, "REJECTED", reason="SPAM")
    return lambda: world.decide(review, "APPROVED")


@event("a public review is set back to wait", by="ADA")
async def _(world):
    review = await world.review()
    return lambda: world.decide(review, "PENDING")


@event("a rejected review is set back to wait", by="ADA")
async def _(world):
    review = await world.review()
    await world.decide(review, "REJECTED", reason="SPAM")
    return lambda: world.decide(review, "PENDING")


@event("the author edits, moderation off")
async def _(world):
    review = await world.review()
    return lambda: world.do(world.maria, "editReview", reviewId=review, rating=1)


@event("the author edits, moderation on")
async def _(world):
    review = await world.review()
    await world.moderate(True)
    return lambda: world.do(world.maria, "editReview", reviewId=review, rating=1)


@event("an edit is approved", by="ADA")
async def _(world):
    review = await world.review()
    await world.moderate(True)
    await world.do(world.maria, "editReview", reviewId=review, rating=1)
    return lambda: world.do(world.ada, "approveReview", reviewId=review)


@event("an edit is rejected", by="ADA")
async def _(world):
    review = await world.review()
    await world.moderate(True)
    await world.do(world.maria, "editReview", reviewId=review, rating=1)
    return lambda: world.do(world.ada, "rejectReview", reviewId=review, reason="SPAM")


@event("an edit is taken back by its author")
async def _(world):
    review = await world.review()
    await world.moderate(True)
    await world.do(world.maria, "editReview", reviewId=review, rating=1)
    return lambda: world.do(world.maria, "editReview", reviewId=review, rating=5)


@event("an edit publishes a review that waited")
async def _(world):
    review = await world.review(waits=True)
    await world.moderate(False)
    return lambda: world.do(world.maria, "editReview", reviewId=review, rating=1)


@event("the author edits a rejected review")
async def _(world):
    review = await world.review()
    await world.decide(review, "REJECTED", reason="SPAM")
    return lambda: world.do(world.maria, "editReview", reviewId=review, rating=1)


@event("an admin edits a review", by="ADA")
async def _(world):
    review = await world.review()
    return lambda: world.do(world.ada, "editReview", reviewId=review, body="Very good work.")


@event("a review is deleted", by="ADA")
async def _(world):
    review = await world.review()
    return lambda: world.do(world.ada, "deleteReview", reviewId=review, reason="A court asked.")


@event("the vendor replies")
async def _(world):
    review = await world.review()
    return lambda: world.do(world.nina, "replyToReview", reviewId=review, body="Thanks!")


@event("a reply is deleted", by="ADA")
async def _(world):
    review = await world.review()
    await world.do(world.nina, "replyToReview", reviewId=review, body="Thanks!")
    return lambda: world.do(world.ada, "deleteReply", reviewId=review, reason="An insult.")


@event("a review is found helpful")
async def _(world):
    review = await world.review()
    return lambda: world.do(world.mo, "voteHelpful", reviewId=review)


@event("a customer opens an update")
async def _(world):
    order = {"externalId": await world.order()}
    more = {"title": "Where is it?", "message": "It is not here."}
    return lambda: world.do(world.maria, "openUpdate", order=order, **more)


@event("the team opens an update with a message", by="SAM")
async def _(world):
    order = {"externalId": await world.order()}
    more = {"title": "A delay", "message": "It comes on Monday."}
    return lambda: world.do(world.sam, "openUpdate", order=order, **more)


@event("an update is assigned", by="SAM")
async def _(world):
    update = await world.update()
    to = {"externalId": "MO"}
    return lambda: world.do(world.sam, "assignUpdate", updateId=update, assignee=to)


@event("an update is taken", by="SAM")
async def _(world):
    update = await world.update()
    to = {"externalId": "SAM"}
    return lambda: world.do(world.sam, "assignUpdate", updateId=update, assignee=to)


@event("a customer writes, nobody is assigned")
async def _(world):
    update = await world.update()
    return lambda: world.do(world.maria, "postNote", updateId=update, body="And now?")


@event("a customer writes, somebody is assigned")
async def _(world):
    update = await world.update("MO")
    return lambda: world.do(world.maria, "postNote", updateId=update, body="And now?")


@event("the team writes", by="SAM")
async def _(world):
    update = await world.update()
    return lambda: world.do(world.sam, "postNote", updateId=update, body="Soon.")


@event("the team writes an internal note", by="SAM")
async def _(world):
    update = await world.update()
    return lambda: world.do(world.sam, "postNote", updateId=update, body="Hm.", internal=True)


@event("an update is solved with notice", by="SAM")
async def _(world):
    update = await world.update()
    return lambda: world.do(world.sam, "solveUpdate", updateId=update, notifyCustomer=True)


@event("an update is solved silently", by="SAM")
async def _(world):
    update = await world.update()
    return lambda: world.do(world.sam, "solveUpdate", updateId=update, notifyCustomer=False)


@event("an update is reopened by the team", by="SAM")
async def _(world):
    update = await world.solved()
    return lambda: world.do(world.sam, "reopenUpdate", updateId=update, note="Not yet.")


@event("still an issue, nobody is assigned")
async def _(world):
    update = await world.solved()
    return lambda: world.do(world.maria, "reportStillHasIssue", updateId=update)


@event("still an issue, somebody is assigned")
async def _(world):
    update = await world.solved("MO")
    return lambda: world.do(world.maria, "reportStillHasIssue", updateId=update, note="No.")


@event("an update is rated with 4 or 5 stars")
async def _(world):
    update = await world.solved()
    return lambda: world.do(world.maria, "rateUpdate", updateId=update, stars=5)


@event("an update is rated with 1 to 3 stars")
async def _(world):
    update = await world.solved("MO")
    return lambda: world.do(world.maria, "rateUpdate", updateId=update, stars=1)


@event("rated with 1 to 3 stars, no admin address")
async def _(world):
    await world.do(world.ada, "updateSettings", adminEmail=None)
    update = await world.solved("MO")
    return lambda: world.do(world.maria, "rateUpdate", updateId=update, stars=1)


@event("the relay refuses our mails")
async def _(_world):
    return lambda: notify_admins_of_refusal(uuid7())


@pytest.fixture
async def world(app, maria, nina, sam, ada, person, shop):
    mo = person("staff", "MO", name="Mo")
    for who, role in ((sam, TeamRole.STAFF), (mo, TeamRole.MODERATOR), (ada, TeamRole.ADMIN)):
        await TeamMember.create(
            external_id=who.id,
            display_name=who.id.title(),
            name_folded=folded_name(who.id.title(), who.id),
            email=ADDRESSES["TEAM", who.id],
            role=role,
            created_at=datetime.now(UTC),
        )
    await ada.do("updateSettings", ratingRequestEnabled=True)
    return World(maria, nina, sam, mo, ada, shop)


@pytest.fixture
def deliver(settings, inbox, serve):
    """Send everything promised that is due by then, by real SMTP: the kinds and addresses."""

    async def run(moment):
        clock_now, clock.now = clock.now, lambda: moment
        before = len(inbox.mails)
        config = MailConfig(
            secret=settings.secret,
            smtp_url=f"smtp://127.0.0.1:{await serve(inbox)}",
            mail_from="Nordlicht <no-reply@nordlicht.example>",
            public_url="https://reviews.nordlicht.example",
            pace=Pace(poll=0.02),
        )
        worker = Worker(config)
        task = asyncio.create_task(worker.run())

        async def all_left():
            return not await OutboxMail.filter(status__in=["SCHEDULED", "SENDING"]).exists()

        try:
            await until(all_left)
        finally:
            worker.stop()
            await task
            clock.now = clock_now
        arrived = set()
        for _, raw in inbox.mails[before:]:
            message = email.message_from_bytes(raw, policy=email.policy.default)
            arrived.add((message["X-Mail-Kind"], message["To"].addresses[0].addr_spec))
        return arrived

    return run


async def test_everybody_is_told_what_the_table_says(world, deliver):
    wrong = {}
    for name, prepare in EVENTS.items():
        world.is_preparing = True
        await world.do(world.ada, "updateSettings", adminEmail=ADDRESSES["ADMIN", "admin"])
        act = await prepare(world)
        world.is_preparing = False
        # As if it were long ago, so that the next one is not gathered.
        await sql.execute("DELETE FROM outbox_mail WHERE mail = 'review.pending'")
        known = {row.id async for row in Notification.all()}
        await act()
        told, arrived = Told(), set()
        async for mail in OutboxMail.filter(status="SCHEDULED"):
            told.mails.add(((str(mail.audience), mail.recipient), mail.mail))
        async for notice in Notification.all():
            if notice.id not in known:
                told.notices.add(((str(notice.audience), notice.recipient), notice.kind))
        should = expected(name, ACTORS.get(name))
        if told != should:
            wrong[name] = told, should
        await OutboxMail.filter(status="SCHEDULED").update(due_at=1)
        arrived = await deliver(datetime.now(UTC) + timedelta(seconds=1))
        if arrived != {(kind, ADDRESSES[who]) for who, kind in told.mails}:
            skipped = await OutboxMail.filter(status="CANCELLED").values_list("mail", "reason")
            wrong[name, "arrived"] = arrived, told.mails, skipped[-3:]
    assert not wrong, "\n".join(f"{name}: {found}" for name, found in wrong.items())


def test_the_table_has_every_event_and_the_events_every_kind():
    by_event = defaultdict(set)
    mails, notices = set(), set()
    for name, person, mail, notice, because in rows():
        by_event[name].add(person)
        kinds = _KIND.findall(mail)
        mails |= {*kinds}
        if notice != NOTHING:
            notices |= {*(_KIND.findall(notice) or kinds)}
        assert bool(because) == (mail == notice == NOTHING), (name, person)

    assert by_event.keys() == EVENTS.keys()
    assert mails == CATALOGUE.keys()
    assert notices == NOTIFICATIONS.keys()
    team = PERSONS.keys() - {"author", "customer", "vendor"}
    for name, persons in by_event.items():
        assert persons & {"author", "customer"}, name
        assert "vendor" in persons, name
        assert persons & team, name
