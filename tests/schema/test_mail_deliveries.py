"""What admins see of mails, and what they can do with them."""

import itertools
from datetime import timedelta
from uuid import UUID

import pytest

import mailers
from mailers.catalogue import CATALOGUE
from mailers.letters.registry import ABOUT_REVIEWS, MAILERS
from models import Audience, MailAttempt, Notification, OutboxMail, Review, TrackingEvent, clock
from models.uuid7 import uuid7
from schema import ids
from schema.notification import NotificationKind

LIST = (
    "query($filter: MailFilter, $first: Int, $after: String, $last: Int, $before: String)"
    " { mailDeliveries(filter: $filter, first: $first, after: $after, last: $last, before: $before)"
    " { totalCount pageInfo { hasNextPage endCursor startCursor } nodes"
    " { id mail recipient status dueAt sentAt attempts lastError skippedBecause } } }"
)
ONE = "mailDelivery { status sentAt skippedBecause lastError attempts }"


@pytest.fixture
def mail(app):
    """Put a mail into the outbox: `await mail(status="DEAD")`. Returns its id."""

    later = itertools.count(1)

    async def make(status="SCHEDULED", **changes):
        # Each is a millisecond later than the one before.
        key = UUID(int=uuid7().int + (next(later) << 80))
        row = {
            "mail": "review.received",
            "dedupe_key": key.hex,
            "audience": Audience.VENDOR,
            "recipient": "NINA",
            "address": "nina@example.com",
            "subject_type": "Review",
            "subject_id": uuid7(),
            "due_at": 1_800_000_000_000,
            "created_at": 1_800_000_000_000,
            "status": status,
            "lease_token": "x" if status == "SENDING" else None,
        }
        return await OutboxMail.create(id=key, **(row | changes))

    return make


@pytest.fixture
def mails_of(ada):
    async def look(**filter):
        return (await ada.ask(LIST, filter=filter))["mailDeliveries"]["nodes"]

    return look


async def test_admins_see_what_became_of_each_mail(mail, mails_of):
    await mail()
    await mail("SENT", finished_at=1_800_000_060_000, attempts=2, last_error="451 later")
    await mail("CANCELLED", reason="the order has a review", finished_at=1)
    await mail(
        "DEAD",
        reason="refused",
        last_error="550 5.1.1 unknown",
        finished_at=1,
        recipient="",
        address=None,
    )

    dead, skipped, sent, waiting = await mails_of()

    assert waiting | {"id": ""} == {
        "id": "",
        "mail": "review.received",
        "recipient": "nina@example.com",
        "status": "SCHEDULED",
        "dueAt": "2027-01-15T08:00:00+00:00",
        "sentAt": None,
        "attempts": 0,
        "lastError": None,
        "skippedBecause": None,
    }
    assert (sent["sentAt"], sent["attempts"]) == ("2027-01-15T08:01:00+00:00", 2)
    assert (skipped["skippedBecause"], skipped["lastError"]) == ("the order has a review", None)
    assert (dead["skippedBecause"], dead["lastError"], dead["recipient"]) == (
        None,
        "550 5.1.1 unknown",
        "",
    )


async def test_admins_see_every_try_that_failed(mail, ada):
    row, other = await mail("SCHEDULED", attempts=2), await mail("UNCERTAIN", attempts=1)
    for mail_id, failed_at, status, code, error in (
        (row.id, 1_800_000_060_000, "SCHEDULED", 451, "4.3.0 busy"),
        (row.id, 1_800_000_000_000, "SCHEDULED", 450, "4.2.0 greylisted"),
        (other.id, 1_800_000_000_000, "UNCERTAIN", None, "DATA: no reply"),
    ):
        await MailAttempt.create(
            mail_id=mail_id, failed_at=failed_at, status=status, code=code, error=error
        )

    document = "{ mailDeliveries { nodes { failures { at status error } } } }"
    uncertain, waiting = (await ada.ask(document))["mailDeliveries"]["nodes"]

    assert waiting["failures"] == [
        {"at": "2027-01-15T08:00:00+00:00", "status": "SCHEDULED", "error": "450 4.2.0 greylisted"},
        {"at": "2027-01-15T08:01:00+00:00", "status": "SCHEDULED", "error": "451 4.3.0 busy"},
    ]
    assert [failure["error"] for failure in uncertain["failures"]] == ["DATA: no reply"]
    retried = await ada.do(
        "retryMail",
        "mailDelivery { status failures { status } }",
        id=(await ada.ask("{ mailDeliveries { nodes { id } } }"))["mailDeliveries"]["nodes"][0][
            "id"
        ],
    )
    assert retried["mailDelivery"] == {
        "status": "SCHEDULED",
        "failures": [{"status": "UNCERTAIN"}],
    }


async def test_mails_are_found_by_what_is_known_of_them(mail, mails_of, feed):
    order = (await feed("ORDER-1"))["order"]["id"]
    await mail("DEAD", mail="rating.promoter", recipient="MARIA", address="Maria@example.com")
    await mail()

    def names(rows):
        return [row["mail"] for row in rows]

    assert names(await mails_of(status="DEAD")) == ["rating.promoter"]
    assert names(await mails_of(mail="review.received")) == ["review.received"]
    assert names(await mails_of(recipient=" maria@EXAMPLE.com ")) == [
        "rating.promoter",
        "review.reminder",
    ]
    assert names(await mails_of(recipient="NINA")) == ["review.received"]
    assert names(await mails_of(subject=order)) == ["review.reminder"]
    assert names(await mails_of(subject=order, status="SENT")) == []
    assert names(await mails_of(mail="\x00")) == []


async def test_pages_of_mails_tile_in_both_directions(mail, ada):
    made = [(await mail()).id for _ in range(5)]

    async def page(**arguments):
        return (await ada.ask(LIST, **arguments))["mailDeliveries"]

    first = await page(first=2)
    second = await page(first=2, after=first["pageInfo"]["endCursor"])
    third = await page(first=2, after=second["pageInfo"]["endCursor"])
    back = await page(last=2, before=third["pageInfo"]["startCursor"])

    walked = [node["id"] for each in (first, second, third) for node in each["nodes"]]
    assert len(set(walked)) == first["totalCount"] == len(made)
    assert back["nodes"] == second["nodes"]
    assert not third["pageInfo"]["hasNextPage"]
    assert await ada.refused(LIST, after="nonsense") == ["INVALID"]


async def test_nobody_else_sees_or_touches_mails(
    mail, ada, sam, nina, maria, nobody, shop, stored, mails_of
):
    await mail("DEAD", recipient="NINA")
    [row] = await mails_of()
    before = await stored()

    for person in (sam, nina, maria, shop, nobody):
        code = "UNAUTHENTICATED" if person is nobody else "FORBIDDEN"
        assert await person.refused(LIST) == [code]
        assert (await person.ask("query($id: ID!) { node(id: $id) { id } }", id=row["id"]))[
            "node"
        ] is None
        for mutation in ("retryMail", "cancelMail"):
            payload = await person.do(mutation, ONE, id=row["id"])
            assert (payload["mailDelivery"], payload["errors"][0]["code"]) == (None, code)
    assert await stored() == before
    data = await ada.ask(
        "query($id: ID!) { node(id: $id) { ... on MailDelivery { mail } } }", id=row["id"]
    )
    assert data["node"] == {"mail": "review.received"}


@pytest.mark.parametrize("status", ["DEAD", "EXPIRED", "UNCERTAIN"])
async def test_a_mail_that_did_not_arrive_gets_a_second_chance(mail, mails_of, ada, status):
    await mail(status, attempts=10, reason="refused", finished_at=1)
    [row] = await mails_of()

    payload = await ada.do("retryMail", ONE, id=row["id"])

    assert payload["errors"] == []
    assert payload["mailDelivery"]["status"] == "SCHEDULED"
    assert payload["mailDelivery"]["attempts"] == 0
    assert [event.kind async for event in TrackingEvent.all()] == ["mail.retried"]


@pytest.mark.parametrize("status", ["SCHEDULED", "SENDING"])
async def test_a_mail_that_has_not_left_can_be_stopped(mail, mails_of, ada, status):
    await mail(status)
    [row] = await mails_of()

    payload = await ada.do("cancelMail", ONE, id=row["id"])

    assert payload["errors"] == []
    assert payload["mailDelivery"] == {
        "status": "CANCELLED",
        "sentAt": None,
        "skippedBecause": "an admin cancelled it",
        "lastError": None,
        "attempts": 0,
    }
    assert [event.kind async for event in TrackingEvent.all()] == ["mail.cancelled"]


@pytest.mark.parametrize(
    ("mutation", "changes"),
    [
        *(
            ("retryMail", {"status": status})
            for status in ("SCHEDULED", "SENDING", "SENT", "CANCELLED")
        ),
        *(
            ("cancelMail", {"status": status})
            for status in ("SENT", "CANCELLED", "EXPIRED", "DEAD", "UNCERTAIN")
        ),
        ("cancelMail", {"status": "SENDING", "in_data": True}),
        ("retryMail", {"status": "DEAD", "recipient": ""}),
    ],
)
async def test_what_is_too_late_is_a_conflict_and_changes_nothing(
    mail, mails_of, ada, stored, mutation, changes
):
    await mail(**changes)
    [row] = await mails_of()
    before = await stored()

    payload = await ada.do(mutation, ONE, id=row["id"])

    assert payload["mailDelivery"] is None
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [
        ("CONFLICT", ["input", "id"])
    ]
    assert await stored() == before


async def test_an_id_of_nothing_or_of_another_thing_is_refused(ada, review):
    other = (await review())["id"]
    for id, code in (
        (ids.encode("MailDelivery", uuid7()), "NOT_FOUND"),
        (other, "INVALID"),
        ("x", "INVALID"),
    ):
        for mutation in ("retryMail", "cancelMail"):
            payload = await ada.do(mutation, ONE, id=id)
            assert [error["code"] for error in payload["errors"]] == [code]


def test_every_mail_has_a_mailer_and_a_notice_with_words_of_its_own():
    assert CATALOGUE.keys() == MAILERS.keys()
    assert [kind.value for kind in NotificationKind] == [*CATALOGUE, "mail.refused"]


async def test_a_deleted_review_takes_every_mail_about_it_back(review, ada, stored):
    id = (await review())["id"]
    row = await Review.get(id=ids.key_of("Review", id)).select_related("vendor")
    later = clock.now() + timedelta(days=1)
    for mail in ABOUT_REVIEWS:
        await mailers.deliver_later(mail, to=row.vendor, about=row, occasion="later", due_at=later)

    await ada.do("deleteReview", reviewId=id, reason="It was asked for.")

    about = await OutboxMail.filter(subject_id=row.id)
    mails = [(mail.mail, mail.status, mail.reason) for mail in about]
    told = ("review.deleted", "SCHEDULED", None)
    assert set(mails) - {told} == {
        (mail, "CANCELLED", "withdrawn: it was deleted") for mail in ABOUT_REVIEWS
    }
    # With the one that announced it, and the one that tells its author.
    assert len(mails) == len(ABOUT_REVIEWS) + 2
    # Only what was already seen stays.
    kinds = [each["kind"] for each in (await stored())["notification"]]
    assert kinds == ["review.received", "review.deleted"]


async def test_every_promise_comes_with_its_notice(
    open_update, solve, act, maria, sam, nina, review, ada
):
    """Each mail to a person has its notification beside it, by the same key."""
    await ada.do("updateSettings", ratingRequestEnabled=True, reviewModeration=True)
    first = await review("ORDER-1", rating=5)
    await ada.do("rejectReview", reviewId=first["id"], reason="SPAM")
    await ada.do("approveReview", reviewId=first["id"])
    await nina.do("replyToReview", reviewId=first["id"], body="Thank you.")
    await ada.do("approveReview", reviewId=(await review("ORDER-2"))["id"])
    for id, stars in (("ORDER-3", 5), ("ORDER-4", 2)):
        update = await open_update(id, assignee=None)
        await act(sam, "assignUpdate", update, assignee={"externalId": "SAM"})
        await act(maria, "postNote", update, body="Hello?")
        await act(sam, "postNote", update, body="Here.")
        await solve(update, notifyCustomer=True)
        await act(maria, "rateUpdate", update, stars=stars)

    promised = {(row.mail, row.dedupe_key) async for row in OutboxMail.exclude(status="CANCELLED")}
    noticed = {(row.kind, row.event_key) async for row in Notification.all()}

    assert promised
    assert promised <= noticed
