"""The switches of mails, and reminders that follow them, the day of reminders, and late orders."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from mailers import SWITCHED_OFF
from mailers.catalogue import CATALOGUE, Category
from mailers.configuration import MailConfig
from mailers.letters.site import Site
from mailers.mail import Skipped
from mailers.outbox.claims import claim_due
from mailers.outbox.suppression import OPTED_OUT, reason_to_skip
from mailers.worker.compose import compose
from models import Notification, OutboxMail
from tests.fixtures.reviews import order_input

DAY = timedelta(days=1)
SWITCHES = """{ settings { mailSwitches { mail enabled }
  reviewReminderEnabled ratingRequestEnabled detractorAlertEnabled } }"""
WHY = """query($order: ID) { mailDeliveries(filter: {subject: $order}) {
  nodes { mail status skippedBecause dueAt } } }"""


@pytest.fixture
def switches(ada):
    """The switches that are off, and the three settings that are views of them."""

    async def read():
        settings = (await ada.ask(SWITCHES))["settings"]
        listed = settings.pop("mailSwitches")
        assert [each["mail"] for each in listed] == [*CATALOGUE]
        return {each["mail"] for each in listed if not each["enabled"]}, settings

    return read


@pytest.fixture
def switch(ada):
    """Switch mails: `await switch("review.reminder", False)`."""

    async def change(mail, enabled):
        given = [{"mail": mail, "enabled": enabled}]
        assert (await ada.do("updateSettings", mailSwitches=given))["errors"] == []

    return change


@pytest.fixture
def reminder(app):
    """The one reminder's status, reason, and days from now until it is due."""

    async def look():
        row = await OutboxMail.get(mail="review.reminder")
        days = (row.due_at / 1000 - datetime.now(UTC).timestamp()) / 86_400
        return str(row.status), row.reason, round(days, 1)

    return look


def days_ago(days):
    return (datetime.now(UTC) - days * DAY).isoformat()


async def test_every_mail_has_a_switch_and_three_have_names_of_their_own(ada, switch, switches):
    views = {"reviewReminderEnabled": True, "ratingRequestEnabled": False, "detractorAlertEnabled": True}  # fmt: skip
    assert await switches() == ({"update.rating_request"}, views)

    await switch("update.rating_request", True)
    await switch("rating.alert", False)
    await ada.do("updateSettings", reviewReminderEnabled=False)
    await switch("review.published", False)

    assert await switches() == (
        {"rating.alert", "review.reminder", "review.published"},
        {"reviewReminderEnabled": False, "ratingRequestEnabled": True, "detractorAlertEnabled": False},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"mailSwitches": [{"mail": "review.remindr", "enabled": False}]}, ["mailSwitches", "0", "mail"]),
        ({"mailSwitches": [{"mail": "rating.alert", "enabled": False}, {"mail": "\0", "enabled": False}]}, ["mailSwitches", "1", "mail"]),
        ({"mailSwitches": [{"mail": "rating.alert", "enabled": False}] * 2}, ["mailSwitches", "1", "mail"]),
        ({"mailSwitches": [{"mail": "review.reminder", "enabled": False}], "reviewReminderEnabled": True}, ["mailSwitches"]),
        ({"mailSwitches": None}, ["mailSwitches"]),
    ],
)  # fmt: skip
async def test_a_wrong_switch_changes_nothing(ada, stored, given, field):
    before = await stored()

    payload = await ada.do("updateSettings", siteName="Another", **given)

    errors = [(error["code"], error["field"][1:]) for error in payload["errors"]]
    assert errors == [("INVALID", field)]
    assert await stored() == before


async def test_only_admins_switch(sam, maria, stored):
    before = await stored()
    for person in (sam, maria):
        given = [{"mail": "rating.alert", "enabled": False}]
        payload = await person.do("updateSettings", mailSwitches=given)
        assert [error["code"] for error in payload["errors"]] == ["FORBIDDEN"]
    assert await stored() == before


async def test_two_admins_who_switch_two_mails_at_once_both_have_their_way(ada, switches):
    kinds = [kind for kind in CATALOGUE if kind != "update.rating_request"]

    await asyncio.gather(
        *(
            ada.do("updateSettings", mailSwitches=[{"mail": kind, "enabled": False}])
            for kind in kinds
        )
    )

    assert (await switches())[0] == {*CATALOGUE}


async def test_a_mail_that_is_off_is_not_sent_and_its_notice_comes(review, switch, settings):
    await switch("review.received", False)
    await review()

    site = await Site.load(MailConfig(secret=settings.secret))
    claimed = [mail for mail in await claim_due(limit=9, lease=9) if mail.mail == "review.received"]
    assert await compose(claimed, site) == [Skipped(SWITCHED_OFF)]
    assert await Notification.filter(kind="review.received").count() == 1


async def test_what_is_promised_follows_its_switch(feed, ada, switch, reminder):
    await feed(completedAt=days_ago(1))
    assert await reminder() == ("SCHEDULED", None, 2.0)

    await switch("review.reminder", False)
    assert await reminder() == ("CANCELLED", SWITCHED_OFF, 2.0)
    assert await Notification.filter(kind="review.reminder").count() == 1

    await ada.do("updateSettings", reviewReminderEnabled=True)
    assert await reminder() == ("SCHEDULED", None, 2.0)


async def test_an_order_that_came_while_reminders_were_off_is_reminded_of_later(
    feed, switch, reminder, ada
):
    await switch("review.reminder", False)
    order = (await feed(completedAt=days_ago(1)))["order"]["id"]
    (row,) = (await ada.ask(WHY, order=order))["mailDeliveries"]["nodes"]
    assert (row["status"], row["skippedBecause"]) == ("CANCELLED", SWITCHED_OFF)

    await switch("review.reminder", True)

    assert await reminder() == ("SCHEDULED", None, 2.0)


async def test_a_reminder_whose_window_closed_while_it_was_off_stays_off(feed, switch, reminder):
    await feed(completedAt=days_ago(1))
    await switch("review.reminder", False)
    await OutboxMail.all().update(expires_at=1)

    await switch("review.reminder", True)

    assert (await reminder())[:2] == ("CANCELLED", SWITCHED_OFF)


async def test_of_other_mails_only_what_is_not_due_yet_is_promised_again(
    open_update, solve, act, maria, switch
):
    update = await open_update()
    await solve(update)
    await act(maria, "rateUpdate", update, stars=5)
    for kind in ("rating.promoter", "update.rated"):
        await switch(kind, False)
    await OutboxMail.filter(mail="update.rated").update(due_at=1)
    for kind in ("rating.promoter", "update.rated"):
        await switch(kind, True)

    rows = {row.mail: str(row.status) async for row in OutboxMail.all()}
    assert (rows["rating.promoter"], rows["update.rated"]) == ("SCHEDULED", "CANCELLED")


@pytest.mark.parametrize("days", [10, 0])
async def test_promised_reminders_follow_their_day(feed, ada, reminder, days):
    await feed(completedAt=days_ago(1))
    noticed = (await Notification.get(kind="review.reminder")).created_at

    await ada.do("updateSettings", reviewReminderDays=days)

    assert await reminder() == ("SCHEDULED", None, days - 1.0)
    notice = await Notification.get(kind="review.reminder")
    assert notice.created_at == noticed + (days - 3) * DAY


async def test_a_reminder_that_has_left_stays_as_it_was(feed, ada, reminder):
    await feed(completedAt=days_ago(1))
    await OutboxMail.all().update(status="SENT")

    await ada.do("updateSettings", reviewReminderDays=10, reviewReminderEnabled=False)

    assert await reminder() == ("SENT", None, 2.0)


@pytest.mark.parametrize(
    ("window", "age", "expected"),
    [
        (30, 7, ("SCHEDULED", None, 0.0)),  # a weekly sync
        (30, 27, ("SCHEDULED", None, 0.0)),
        (30, 29.5, ("CANCELLED", "not promised: the review window had less than two days left", 0.0)),
        (30, 60, ("CANCELLED", "not promised: the review window had less than two days left", 0.0)),
        (0, 300, ("SCHEDULED", None, 0.0)),
        (0, 400, ("CANCELLED", "not promised: the review window had less than two days left", 0.0)),
    ],
)  # fmt: skip
async def test_a_late_order_is_reminded_of_at_once_if_two_days_are_left(
    feed, ada, reminder, window, age, expected
):
    await ada.do("updateSettings", reviewWindowDays=window)
    await feed(completedAt=days_ago(age))

    assert await reminder() == expected
    assert await Notification.all().count() == (expected[0] == "SCHEDULED")


async def test_each_order_says_why_it_is_not_reminded_of(feed, ada):
    await ada.do("updateSettings", reviewReminderDays=40)
    soon = (await feed("SOON", completedAt=days_ago(1)))["order"]["id"]
    own = await feed("OWN", vendor={"externalId": "MARIA", "displayName": "Maria"}, service={"externalId": "OWN", "title": "x"})  # fmt: skip

    (row,) = (await ada.ask(WHY, order=soon))["mailDeliveries"]["nodes"]
    assert row["skippedBecause"] == (
        "not promised: the review window closes before the reminder is due"
    )
    (row,) = (await ada.ask(WHY, order=own["order"]["id"]))["mailDeliveries"]["nodes"]
    assert row["skippedBecause"] == "not promised: the vendor bought the own service"


async def test_a_reason_that_falls_away_leaves_room_for_the_promise(feed, reminder):
    changes = {"completedAt": days_ago(60)}
    await feed(**changes)
    assert (await reminder())[0] == "CANCELLED"

    await feed(status="DISPUTED", **changes)
    await OutboxMail.all().update(reason="not promised: anything")
    await feed(completedAt=days_ago(1))

    rows = await OutboxMail.filter(mail="review.reminder").order_by("created_at", "id")
    assert [str(row.status) for row in rows] == ["CANCELLED", "SCHEDULED"]


async def test_history_has_no_row(feed):
    await feed(remindersAllowed=False)

    assert await OutboxMail.all().count() == 0


async def test_a_feed_of_many_orders_says_so_in_few_statements(shop, ada):
    await ada.do("updateSettings", reviewReminderEnabled=False)
    orders = [order_input(f"ORDER-{number}") for number in range(100)]

    payload = await shop.do("upsertOrders", "results { outcome }", orders=orders)

    assert payload["results"] == [{"outcome": "CREATED"}] * 100
    rows = await OutboxMail.filter(mail="review.reminder")
    assert {(str(row.status), row.reason) for row in rows} == {("CANCELLED", SWITCHED_OFF)}
    assert len(rows) == 100


@pytest.mark.parametrize("kind", CATALOGUE)
def test_an_opt_out_stops_reminders_requests_and_follow_ups_alone(kind):
    asks = {
        "review.reminder": Category.REMINDERS,
        "update.rating_request": Category.RATING_REQUESTS,
        "rating.promoter": Category.FOLLOW_UPS,
        "rating.detractor": Category.FOLLOW_UPS,
    }

    for category in Category:
        stops = reason_to_skip(kind, {category}) == OPTED_OUT
        assert stops == (asks.get(kind) is category)
