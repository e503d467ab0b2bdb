"""Who of the team is told: waiting reviews are gathered, nobody of the own act, nothing is lost."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mailers.configuration import MailConfig
from mailers.letters.registry import MAILERS
from mailers.letters.site import Site
from mailers.mail import Mail, Skipped
from mailers.outbox.promise import GATHERING
from models import Notification, OutboxMail, TeamMember, TeamRole
from models.team_member import folded_name
from tests.fixtures.reviews import BODY

NOON = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


@pytest.fixture
def join(app):
    """Make a member of the team: `await join("MO", TeamRole.MODERATOR)`."""

    async def make(id, role=TeamRole.STAFF, email=None, **more):
        await TeamMember.create(
            external_id=id,
            display_name=id.title(),
            name_folded=folded_name(id.title(), id),
            email=email,
            role=role,
            created_at=datetime.now(UTC),
            **more,
        )

    return make


@pytest.fixture
def pending(app):
    """The mails about waiting reviews: recipient and minutes after noon, the first one first."""

    async def promised():
        rows = await OutboxMail.filter(mail="review.pending").order_by("due_at")
        return [(row.recipient, (row.due_at / 1000 - NOON.timestamp()) / 60) for row in rows]

    return promised


@pytest.fixture
def told(app):
    """The recipients of notices of a kind."""

    async def look(kind):
        return sorted([row.recipient async for row in Notification.filter(kind=kind)])

    return look


@pytest.fixture
def compose(app, settings):
    """The mail of an outbox row as it would leave now."""

    async def write(row):
        site = await Site.load(MailConfig(secret=settings.secret))
        return await MAILERS[row.mail](site, row.subject_id, **row.params)

    return write


async def test_the_first_waiting_review_is_mailed_at_once_and_what_follows_in_one_mail(
    ada, review, pending, at, compose
):
    await ada.do("updateSettings", reviewModeration=True, adminEmail="admin@example.com")
    at(NOON)
    await review("ORDER-1")
    assert await pending() == [("admin", 0)]

    for minute in range(1, 9):
        at(NOON + timedelta(minutes=minute))
        await review(f"ORDER-{minute + 1}")
    assert await pending() == [("admin", 0), ("admin", 10)]

    at(NOON + GATHERING)
    last = await OutboxMail.filter(mail="review.pending").order_by("-due_at").first()
    mail = await compose(last)
    assert mail.subject == "9 reviews wait for a decision"
    assert mail.text.count("★★★★★") == 9

    at(NOON + timedelta(minutes=15))
    await review("ORDER-10")
    at(NOON + timedelta(minutes=31))
    await review("ORDER-11")
    assert await pending() == [("admin", 0), ("admin", 10), ("admin", 20), ("admin", 31)]


async def test_a_review_that_waits_when_the_gathered_mail_is_about_to_leave_gets_another_one(
    ada, review, pending, at
):
    """It may be stored only after that mail was written."""
    await ada.do("updateSettings", reviewModeration=True, adminEmail="admin@example.com")
    for minutes in (0, 1, 9.9):
        at(NOON + timedelta(minutes=minutes))
        await review(f"ORDER-{minutes}")

    assert await pending() == [("admin", 0), ("admin", 10), ("admin", 20)]


async def test_a_flood_of_waiting_reviews_makes_few_mails_and_loses_none(
    ada, feed, maria, pending, compose
):
    await ada.do("updateSettings", reviewModeration=True, adminEmail="admin@example.com")
    names = [f"ORDER-{number}" for number in range(60)]
    for name in names:
        await feed(name)

    async def write(name):
        payload = await maria.do("createReview", order={"externalId": name}, rating=4, body=BODY)
        assert payload["errors"] == []

    await asyncio.gather(*map(write, names))

    assert len(await pending()) <= 2
    last = await OutboxMail.filter(mail="review.pending").order_by("-due_at").first()
    mail = await compose(last)
    assert mail.subject == "60 reviews wait for a decision"
    assert "And 50 more." in mail.text


async def test_without_an_admin_address_moderators_and_admins_are_mailed(
    ada, review, join, pending, told
):
    await ada.do("updateSettings", reviewModeration=True)
    await join("MO", TeamRole.MODERATOR, "mo@example.com")
    await join("ADA", TeamRole.ADMIN, "ada@example.com")
    await join("SAM", TeamRole.STAFF, "sam@example.com")
    await join("NO-ADDRESS", TeamRole.ADMIN)
    await join("LEFT", TeamRole.ADMIN, "left@example.com", deactivated_at=NOON)

    await review()

    assert sorted(name for name, _ in await pending()) == ["ADA", "MO"]
    assert await told("review.pending") == ["ADA", "MO", "NO-ADDRESS"]


async def test_where_nobody_of_the_team_is_known_every_admin_reads_it(ada, review, told):
    await ada.do("updateSettings", reviewModeration=True)
    await review()

    assert await told("review.pending") == ["admin"]
    inbox = await ada.ask("{ viewer { notifications { nodes { kind message } } } }")
    assert inbox["viewer"]["notifications"]["nodes"] == [
        {"kind": "REVIEW_PENDING", "message": "A review waits for a decision."}
    ]


async def test_nobody_is_told_of_the_own_act(ada, maria, review, join, told):
    await join("MARIA", TeamRole.MODERATOR)
    await join("ADA", TeamRole.ADMIN)
    await join("MO", TeamRole.MODERATOR)
    await ada.do("updateSettings", reviewModeration=True)
    written = await review()
    assert await told("review.pending") == ["ADA", "MO"]

    await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
    decisions = [{"reviewId": written["id"], "status": "PENDING"}]
    await ada.do("moderateReviews", "results { errors { code } }", decisions=decisions)

    assert await told("review.pending") == ["ADA", "MARIA", "MO", "MO"]


async def test_a_deleted_review_takes_no_gathered_mail_with_it(ada, review, pending, compose):
    await ada.do("updateSettings", reviewModeration=True, adminEmail="admin@example.com")
    first = await review("ORDER-1")
    await review("ORDER-2")
    await ada.do("deleteReview", reviewId=first["id"], reason="A test.")

    rows = await OutboxMail.filter(mail="review.pending", status="SCHEDULED")
    assert len(rows) == 2
    for row in rows:
        mail = await compose(row)
        assert isinstance(mail, Mail)
        assert mail.subject == "A review of A logo waits for a decision"


async def test_what_was_decided_meanwhile_makes_no_mail(ada, review, compose):
    await ada.do("updateSettings", reviewModeration=True, adminEmail="admin@example.com")
    written = await review()
    await ada.do("approveReview", reviewId=written["id"])

    row = await OutboxMail.get(mail="review.pending")
    assert await compose(row) == Skipped("no review waits any more")


async def test_an_assignee_alone_is_told_and_only_while_active(
    open_update, maria, sam, join, told, ada
):
    await ada.do("updateSettings", adminEmail="admin@example.com")
    await join("MO", TeamRole.MODERATOR, "mo@example.com")
    update = await open_update(assignee={"externalId": "MO"})
    await maria.do("postNote", updateId=update["id"], body="Hello?")
    assert await told("note.from_customer") == ["MO"]

    await TeamMember.filter(external_id="MO").update(deactivated_at=NOON)
    await maria.do("postNote", updateId=update["id"], body="Is anybody there?")

    assert await told("note.from_customer") == ["MO", "SAM"]
    mails = await OutboxMail.filter(mail="note.from_customer").order_by("created_at", "id")
    assert [mail.recipient for mail in mails] == ["MO", "admin"]


async def test_an_assignment_that_is_taken_back_at_once_tells_nobody(
    open_update, sam, join, compose
):
    await join("MO", TeamRole.MODERATOR, "mo@example.com")
    update = await open_update(assignee={"externalId": "MO"})
    await sam.do("assignUpdate", updateId=update["id"], assignee=None)

    row = await OutboxMail.get(mail="update.assigned")
    assert (row.status, row.reason) == ("CANCELLED", "withdrawn: it was assigned anew")
    assert not await Notification.filter(kind="update.assigned").exists()
