"""From the storefront to the inbox: GraphQL, outbox, worker, SMTP, and back by the mail's link."""

import asyncio
import email
import email.policy
import re
from datetime import UTC, datetime, timedelta

import pytest

from mailers.configuration import MailConfig, Pace
from mailers.letters.signed_links import Purpose, read
from mailers.worker.worker import Worker
from models import Order, OutboxMail
from tests.waiting import until


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
        now = int(datetime.now(UTC).timestamp() * 1000)
        due = OutboxMail.filter(status__in=["SCHEDULED", "SENDING"], due_at__lte=now)

        async def all_left():
            return not await due.exists()

        await until(all_left)
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


def link_in(message, pattern):
    """A link of a mail's text, as a path of ours."""
    text = message.get_body(("plain",)).get_content()
    return re.search(rf"https://reviews\.nordlicht\.example({pattern})", text)[1]


async def test_an_order_is_reminded_reviewed_from_the_mail_and_answered(
    feed, maria, nina, deliver, settings, client
):
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

    path = link_in(reminder, r"/r/[\w-]+\?rating=5")
    form = await client.get(path)
    assert 'value="5" required checked' in form.text
    assert await OutboxMail.all().count() == 1

    done = await client.post(path, data={"rating": "5", "body": "Very good work, on time."})
    assert "Thank you for your review" in done.text
    review_id = (await maria.ask("{ reviews { nodes { id } } }"))["reviews"]["nodes"][0]["id"]

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


async def test_an_update_is_solved_and_rated_from_the_mail_with_five_and_with_two(
    open_update, solve, deliver, client, ada
):
    await ada.do(
        "updateSettings",
        followUpDelayMinutes=0,
        adminEmail="ada@nordlicht.example",
        promoterShareUrl="https://nordlicht.example/reviews",
    )
    fates = {}
    for id, stars in (("ORDER-1", 5), ("ORDER-2", 2)):
        update = await open_update(id, title=f"About {id}")
        await solve(update, notifyCustomer=True)
        # The moment of grace is over.
        await OutboxMail.filter(mail="update.solved").update(due_at=0)
        [(subject, solved)] = (await deliver()).items()
        assert (subject, solved["To"]) == (
            f"Solved: About {id}",
            "Maria Souza <maria@example.com>",
        )

        path = link_in(solved, rf"/u/[\w-]+\?stars={stars}")
        assert f'value="{stars}" required checked' in (await client.get(path)).text
        await client.post(path, data={"stars": str(stars), "comment": f"I give {stars}."})
        fates[stars] = await deliver()

    assert {stars: sorted(mails) for stars, mails in fates.items()} == {
        5: ["Thank you for 5 of 5 stars"],
        2: ["2 of 5 stars for order ORDER-2", "We are sorry about order ORDER-2"],
    }
    thanks = fates[5]["Thank you for 5 of 5 stars"].get_body(("html",)).get_content()
    sorry = fates[2]["We are sorry about order ORDER-2"]
    assert "https://wa.me/" in thanks
    assert "wa.me" not in sorry.get_body(("html",)).get_content()
    assert sorry["Reply-To"] == "ada@nordlicht.example"
    assert fates[2]["2 of 5 stars for order ORDER-2"]["To"] == "ada@nordlicht.example"


async def test_one_click_in_a_reminder_ends_reminders(feed, deliver, client):
    completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
    await feed("ORDER-1", completedAt=completed.isoformat())
    [reminder] = (await deliver()).values()
    address = reminder["List-Unsubscribe"].strip("<>")

    path = address.removeprefix("https://reviews.nordlicht.example")
    answer = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    await feed("ORDER-2", completedAt=completed.isoformat())

    assert answer.status_code == 200
    assert await deliver() == {}
    second = await OutboxMail.get(status="CANCELLED")
    assert second.reason == "the recipient does not want such mails"


@pytest.mark.parametrize("before", [None, "DELIVERED"])
async def test_an_order_that_is_completed_without_a_date_is_reminded(feed, deliver, before):
    if before:
        await feed("ORDER-1", status=before, completedAt=None)
    await feed("ORDER-1", completedAt=None)
    await OutboxMail.all().update(due_at=0)

    assert list(await deliver()) == ["How was A logo?"]


async def test_an_order_that_was_completed_again_is_reminded_of_the_later_completion(feed, deliver):
    first = datetime.now(UTC) - timedelta(days=3, minutes=2)
    await feed("ORDER-1", completedAt=first.isoformat())
    row = await OutboxMail.get()
    await Order.all().update(completed_at=first + timedelta(minutes=1))

    assert row.params == {"completed_at": first.isoformat()}
    assert await deliver() == {}
    assert (await OutboxMail.get()).reason == "the order was completed again"


@pytest.mark.parametrize("name", ["", "4711", "maria@example.com"])
async def test_who_has_no_name_is_written_to_without_one(name, feed, deliver):
    completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
    person = {"externalId": "MARIA", "displayName": name, "email": "maria@example.com"}
    await feed("ORDER-1", completedAt=completed.isoformat(), customer=person | {"locale": "de"})

    [reminder] = (await deliver()).values()

    lines = reminder.get_body(("plain",)).get_content().splitlines()
    assert [line for line in lines if line.startswith("Hallo")] == ["Hallo,"]
    assert ">Hallo,</p>" in reminder.get_body(("html",)).get_content()
    assert reminder["To"] == "maria@example.com"


@pytest.mark.parametrize("name", ["", "4711", "maria@example.com"])
async def test_the_team_reads_no_address_for_a_customers_name(
    name, open_update, solve, feed, deliver, maria, sam, person, ada, act
):
    await ada.do("updateSettings", followUpDelayMinutes=0, adminEmail="ada@nordlicht.example")
    sam = person("staff", "SAM", name="Sam", email="sam@nordlicht.example")
    update = await open_update(by=sam)
    await sam.do("assignUpdate", updateId=update["id"], assignee={"externalId": "SAM"})
    await feed("ORDER-1", customer={"externalId": "MARIA", "displayName": name, "email": None})
    await act(maria, "postNote", update, body="Still waiting.")
    await solve(update)
    await act(maria, "rateUpdate", update, stars=1)

    mails = await deliver()

    told = mails["Customer wrote about order ORDER-1"]
    alert = mails["1 of 5 stars for order ORDER-1"]
    for mail in (told, alert):
        text = mail.get_body(("plain",)).get_content()
        assert "Customer " in text
        assert name == "" or name not in text


def told(vendor, email, **changes):
    """An order of Wilma's, completed three days ago, as somebody tells it."""
    completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
    wilma = {"externalId": "WILMA", "displayName": "Wilma Witness"}
    return {
        "externalId": f"{vendor}-1",
        "status": "COMPLETED",
        "completedAt": completed.isoformat(),
        "customer": wilma | ({"email": email} if email else {}),
        "vendor": {"externalId": vendor, "displayName": vendor.title()},
        "service": {"externalId": f"{vendor}-S", "title": f"Work of {vendor.title()}"},
    } | changes


async def tell(by, *orders):
    payload = await by.do("upsertOrders", "results { outcome }", orders=list(orders))
    return [result["outcome"] for result in payload["results"]]


async def test_an_address_that_one_vendors_key_told_gets_no_mail_of_another_vendors_order(
    shop, key_of, deliver
):
    evil, good = await key_of("EVIL"), await key_of("GOOD")
    await tell(evil, told("EVIL", "attacker@example.com"))
    await tell(good, told("GOOD", "wilma@example.com"))
    await tell(shop, told("FAIR", None))

    mails = await deliver()

    assert {
        subject: message["To"].addresses[0].addr_spec for subject, message in mails.items()
    } == {
        "How was Work of Evil?": "attacker@example.com",
        "How was Work of Good?": "wilma@example.com",
    }
    silent = await OutboxMail.get(status="CANCELLED")
    assert silent.reason == "no address is known"

    await tell(shop, told("FAIR", "real@example.com", externalId="FAIR-2"))
    [message] = (await deliver()).values()
    assert message["To"].addresses[0].addr_spec == "real@example.com"


async def test_a_vendors_key_that_names_another_vendors_customer_gets_no_mail_of_that_order(
    shop, key_of, deliver
):
    evil = await key_of("EVIL")
    await tell(shop, told("GOOD", "wilma@example.com"))
    await tell(evil, told("EVIL", "attacker@example.com", status="PENDING", completedAt=None))

    mails = await deliver()

    assert [message["To"].addresses[0].addr_spec for message in mails.values()] == [
        "wilma@example.com"
    ]


async def test_after_a_hand_over_the_mails_go_to_the_new_customer(shop, maria, nina, feed, deliver):
    await feed("ORDER-1")
    written = await write(maria)
    await deliver()
    await nina.do("replyToReview", reviewId=written, body="Thank you for that.")
    bob = {"externalId": "BOB", "displayName": "Bob Baker", "email": "bob@example.com"}

    await feed("ORDER-1", customer=bob, handOver=True)

    [message] = (await deliver()).values()
    assert message["To"] == "Bob Baker <bob@example.com>"
