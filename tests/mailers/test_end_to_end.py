"""End to end: GraphQL, outbox, worker, SMTP, and back by the link in the mail."""

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
    """Send due mails by real SMTP; returns the new ones by subject."""

    async def make():
        port, before = await serve(inbox), len(inbox.mails)
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
            for _, raw in inbox.mails[before:]
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
    """The path of a link in a mail's text."""
    text = message.get_body(("plain",)).get_content()
    return re.search(rf"https://reviews\.nordlicht\.example({pattern})", text)[1]


async def test_an_order_is_reminded_of_reviewed_by_the_mails_link_and_replied_to(
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

    [(subject, received)] = (await deliver()).items()
    assert (subject, received["To"]) == (
        "New review of A logo: 5 of 5 stars",
        "Nina <nina@example.com>",
    )

    await nina.do("replyToReview", reviewId=review_id, body="Thank you, Maria.")
    [(subject, replied)] = (await deliver()).items()
    assert (subject, replied["To"]) == (
        "Nina answered your review",
        "Maria Souza <maria@example.com>",
    )
    assert "> Thank you, Maria." in replied.get_body(("plain",)).get_content()

    statuses = {row.mail: row.status.value async for row in OutboxMail.all()}
    assert statuses == {
        "review.reminder": "SENT",
        "review.received": "SENT",
        "review.replied": "SENT",
    }


async def test_a_customer_who_has_reviewed_is_not_reminded(feed, maria, deliver):
    completed = datetime.now(UTC) - timedelta(days=2)
    await feed("ORDER-1", completedAt=completed.isoformat())
    await write(maria)

    assert list(await deliver()) == ["New review of A logo: 5 of 5 stars"]

    reminder = await OutboxMail.get(mail="review.reminder")
    assert (reminder.status, reminder.reason) == ("CANCELLED", "withdrawn: the order was reviewed")


async def test_an_update_is_solved_and_rated_by_the_mails_link_with_five_and_with_two_stars(
    open_update, solve, deliver, client, ada
):
    await ada.do(
        "updateSettings",
        followUpDelayMinutes=0,
        adminEmail="ada@nordlicht.example",
        promoterShareUrl="https://nordlicht.example/reviews",
    )
    mails_by_stars = {}
    for id, stars in (("ORDER-1", 5), ("ORDER-2", 2)):
        update = await open_update(id, title=f"About {id}")
        await solve(update, notifyCustomer=True)
        # Skip the grace.
        await OutboxMail.filter(mail="update.solved").update(due_at=0)
        [(subject, solved)] = (await deliver()).items()
        assert (subject, solved["To"]) == (
            f"Solved: About {id}",
            "Maria Souza <maria@example.com>",
        )

        path = link_in(solved, rf"/u/[\w-]+\?stars={stars}")
        assert f'value="{stars}" required checked' in (await client.get(path)).text
        await client.post(path, data={"stars": str(stars), "comment": f"I give {stars}."})
        mails_by_stars[stars] = await deliver()

    assert {stars: sorted(mails) for stars, mails in mails_by_stars.items()} == {
        5: ["Thank you for 5 of 5 stars"],
        2: ["2 of 5 stars for order ORDER-2", "We are sorry about order ORDER-2"],
    }
    thanks = mails_by_stars[5]["Thank you for 5 of 5 stars"].get_body(("html",)).get_content()
    sorry = mails_by_stars[2]["We are sorry about order ORDER-2"]
    assert "https://wa.me/" in thanks
    assert "wa.me" not in sorry.get_body(("html",)).get_content()
    assert sorry["Reply-To"] == "ada@nordlicht.example"
    assert mails_by_stars[2]["2 of 5 stars for order ORDER-2"]["To"] == "ada@nordlicht.example"


async def test_one_click_in_a_reminder_ends_reminders(feed, deliver, client):
    completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
    await feed("ORDER-1", completedAt=completed.isoformat())
    [reminder] = (await deliver()).values()
    address = reminder["List-Unsubscribe"].strip("<>")

    path = address.removeprefix("https://reviews.nordlicht.example")
    response = await client.post(path, data={"List-Unsubscribe": "One-Click"})
    await feed("ORDER-2", completedAt=completed.isoformat())

    assert response.status_code == 200
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
async def test_a_customer_without_a_name_is_greeted_without_one(name, feed, deliver):
    completed = datetime.now(UTC) - timedelta(days=3, minutes=1)
    person = {"externalId": "MARIA", "displayName": name, "email": "maria@example.com"}
    await feed("ORDER-1", completedAt=completed.isoformat(), customer=person | {"locale": "de"})

    [reminder] = (await deliver()).values()

    lines = reminder.get_body(("plain",)).get_content().splitlines()
    assert [line for line in lines if line.startswith("Hallo")] == ["Hallo,"]
    assert ">Hallo,</p>" in reminder.get_body(("html",)).get_content()
    assert reminder["To"] == "maria@example.com"


@pytest.mark.parametrize("name", ["", "4711", "maria@example.com"])
async def test_mails_to_the_team_show_no_address_as_a_customers_name(
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

    note = mails["Customer wrote about order ORDER-1"]
    alert = mails["1 of 5 stars for order ORDER-1"]
    for mail in (note, alert):
        text = mail.get_body(("plain",)).get_content()
        assert "Customer " in text
        assert name == "" or name not in text


def order_from(vendor, email, **changes):
    """An order of Wilma's, completed three days ago, as a key of this vendor feeds it."""
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


async def upsert(by, *orders):
    payload = await by.do("upsertOrders", "results { outcome }", orders=list(orders))
    return [result["outcome"] for result in payload["results"]]


async def test_an_address_from_one_vendors_key_gets_no_mail_about_another_vendors_order(
    shop, key_of, deliver
):
    evil, good = await key_of("EVIL"), await key_of("GOOD")
    await upsert(evil, order_from("EVIL", "attacker@example.com"))
    await upsert(good, order_from("GOOD", "wilma@example.com"))
    await upsert(shop, order_from("FAIR", None))

    mails = await deliver()

    assert {
        subject: message["To"].addresses[0].addr_spec for subject, message in mails.items()
    } == {
        "How was Work of Evil?": "attacker@example.com",
        "How was Work of Good?": "wilma@example.com",
    }
    skipped = await OutboxMail.get(status="CANCELLED")
    assert skipped.reason == "no address is known"

    await upsert(shop, order_from("FAIR", "real@example.com", externalId="FAIR-2"))
    [message] = (await deliver()).values()
    assert message["To"].addresses[0].addr_spec == "real@example.com"


async def test_a_vendors_key_cannot_redirect_mails_about_another_vendors_order(
    shop, key_of, deliver
):
    evil = await key_of("EVIL")
    await upsert(shop, order_from("GOOD", "wilma@example.com"))
    await upsert(
        evil, order_from("EVIL", "attacker@example.com", status="PENDING", completedAt=None)
    )

    mails = await deliver()

    assert [message["To"].addresses[0].addr_spec for message in mails.values()] == [
        "wilma@example.com"
    ]


async def test_after_a_hand_over_the_mails_go_to_the_new_customer(shop, maria, nina, feed, deliver):
    await feed("ORDER-1")
    review_id = await write(maria)
    await deliver()
    await nina.do("replyToReview", reviewId=review_id, body="Thank you for that.")
    bob = {"externalId": "BOB", "displayName": "Bob Baker", "email": "bob@example.com"}

    await feed("ORDER-1", customer=bob, handOver=True)

    [message] = (await deliver()).values()
    assert message["To"] == "Bob Baker <bob@example.com>"


async def test_approve_reject_approve_ends_with_the_mail_that_it_is_public(
    feed, maria, ada, deliver
):
    await ada.do("updateSettings", reviewModeration=True, adminEmail="ada@nordlicht.example")
    await feed("ORDER-1")
    review_id = await write(maria)
    asked = (await deliver())["A review of A logo waits for a decision"]
    told = [asked["To"]]

    await ada.do("approveReview", reviewId=review_id)
    told += sorted(await deliver())
    await ada.do("rejectReview", reviewId=review_id, reason="OFF_TOPIC", note="About the post.")
    withdrawn = await deliver()
    told += withdrawn
    await ada.do("approveReview", reviewId=review_id)
    told += await deliver()

    assert told == [
        "ada@nordlicht.example",
        "New review of A logo: 5 of 5 stars",
        "Your review of A logo is public",
        "Your review of A logo is no longer public",
        "Your review of A logo is public",
    ]
    text = withdrawn["Your review of A logo is no longer public"].get_body(("plain",)).get_content()
    assert "It is not about the service that was ordered." in text
    assert "> About the post." in text
    assert "Very good work, on time." in text


async def test_a_thread_of_a_week_reaches_both_sides_and_is_answered_by_the_mails_link(
    feed, maria, sam, ada, person, deliver, client, show
):
    await ada.do("updateSettings", adminEmail="ada@nordlicht.example")
    sam = person("staff", "SAM", name="Sam", email="sam@nordlicht.example")
    await feed("ORDER-1")
    opened = await maria.do("openUpdate", "orderUpdate { id }", order={"externalId": "ORDER-1"}, title="Where is it?", message="Not here.")  # fmt: skip
    update = opened["orderUpdate"]
    [(subject, mail)] = (await deliver()).items()
    assert (subject, mail["To"]) == (
        "Maria Souza asks about order ORDER-1",
        "ada@nordlicht.example",
    )

    await sam.do("assignUpdate", updateId=update["id"], assignee={"externalId": "SAM"})
    await sam.do("postNote", updateId=update["id"], body="It left on Monday.")
    [(subject, mail)] = (await deliver()).items()
    assert mail["To"] == "Maria Souza <maria@example.com>"
    assert mail["Reply-To"] == "ada@nordlicht.example"

    path = link_in(mail, r"/u/[\w-]+")
    page = await client.post(path, data={"answer": "1", "body": "Still nothing."})
    assert "It left on Monday." in page.text
    [(subject, mail)] = (await deliver()).items()
    assert mail["To"] == "Sam <sam@nordlicht.example>"
    assert "> Still nothing." in mail.get_body(("plain",)).get_content()

    await sam.do("solveUpdate", updateId=update["id"], notifyCustomer=False)
    assert await deliver() == {}
    # The old link leads to the question of now.
    page = await client.post(path, data={"still_has_issue": "1", "comment": "No."})
    assert "Thank you for telling us" in page.text
    [(subject, mail)] = (await deliver()).items()
    assert (subject, mail["To"]) == (
        "Not solved yet: order ORDER-1",
        "Sam <sam@nordlicht.example>",
    )

    await sam.do("solveUpdate", updateId=update["id"], notifyCustomer=False)
    assert 'name="stars"' in (await client.get(path)).text
    await client.post(path, data={"stars": "5", "solve": "2"})
    assert list(await deliver()) == ["5 of 5 stars for your answer, order ORDER-1"]
    assert (await show(maria, update))["rating"]["stars"] == 5


async def test_a_detractors_answer_goes_to_a_person(
    open_update, solve, maria, person, act, ada, deliver
):
    """Also without an admin address, to the admins who have acted."""
    ada = person("admin", "ADA", name="Ada", email="ada@nordlicht.example")
    await ada.do("updateSettings", followUpDelayMinutes=0)
    update = await open_update()
    await solve(update, by=ada)
    await act(maria, "rateUpdate", update, stars=2, comment="Slow.")

    mails = await deliver()

    sorry = mails["We are sorry about order ORDER-1"]
    assert sorry["Reply-To"] == "ada@nordlicht.example"
    assert "you can reply to this mail" in sorry.get_body(("plain",)).get_content()
    alert = mails["2 of 5 stars for order ORDER-1"]
    assert alert["To"] == "Ada <ada@nordlicht.example>"
