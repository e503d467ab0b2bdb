"""Who may review which order, and when: one table for the query and the mutation."""

from datetime import UTC, datetime, timedelta

import pytest

from models import Order
from models.review_window import window

NOW = "2026-03-10T12:00:00+00:00"
NINA = {"externalId": "NINA", "displayName": "Nina"}
MARIA_AS_VENDOR = {"externalId": "MARIA", "displayName": "Maria"}
LONG_AGO = "2026-01-01T12:00:00Z"
BODY = "Very good work."
ASK = """query($order: NodeRef!) { reviewEligibility(order: $order) {
  eligible reason message lastDay closesAt existingReview { body } } }"""
CODES = {"SIGN_IN_REQUIRED": "UNAUTHENTICATED", "ORDER_NOT_FOUND": "NOT_FOUND"}

# The viewer, what the feed sent about the order, the state of its review, and the reason.
CASES = {
    "nobody": ("nobody", {}, "", "SIGN_IN_REQUIRED"),
    "nobody, of no order": ("nobody", None, "", "SIGN_IN_REQUIRED"),
    "of no order": ("maria", None, "", "ORDER_NOT_FOUND"),
    "a stranger": ("carl", {}, "", "ORDER_NOT_FOUND"),
    "another vendor": ("omar", {}, "", "ORDER_NOT_FOUND"),
    "a stranger, of a reviewed order": ("carl", {}, "reviewed", "ORDER_NOT_FOUND"),
    "its vendor": ("nina", {}, "", "NOT_THE_CUSTOMER"),
    "the team": ("sam", {}, "", "NOT_THE_CUSTOMER"),
    "an admin": ("ada", {}, "", "NOT_THE_CUSTOMER"),
    "the back end": ("shop", {}, "", "NOT_THE_CUSTOMER"),
    "its vendor, of a refunded one": ("nina", {"status": "REFUNDED"}, "", "NOT_THE_CUSTOMER"),
    "an admin, of a reviewed one": ("ada", {}, "reviewed", "NOT_THE_CUSTOMER"),
    "buyer and seller in one": ("maria", {"vendor": MARIA_AS_VENDOR}, "", "OWN_SERVICE"),
    "an own one that is not done": ("maria", {"vendor": MARIA_AS_VENDOR, "status": "PENDING"}, "", "OWN_SERVICE"),
    "placed": ("maria", {"status": "PENDING", "completedAt": None}, "", "ORDER_NOT_COMPLETED"),
    "begun": ("maria", {"status": "IN_PROGRESS", "completedAt": None}, "", "ORDER_NOT_COMPLETED"),
    "delivered": ("maria", {"status": "DELIVERED"}, "", "ORDER_NOT_COMPLETED"),
    "cancelled": ("maria", {"status": "CANCELLED"}, "", "ORDER_CANCELLED"),
    "refunded": ("maria", {"status": "REFUNDED"}, "", "ORDER_REFUNDED"),
    "in dispute": ("maria", {"status": "DISPUTED"}, "", "ORDER_DISPUTED"),
    "reviewed and refunded": ("maria", {"status": "REFUNDED"}, "reviewed", "ORDER_REFUNDED"),
    "reviewed, in dispute": ("maria", {"status": "DISPUTED"}, "reviewed", "ORDER_DISPUTED"),
    "reviewed": ("maria", {}, "reviewed", "ALREADY_REVIEWED"),
    "reviewed and held": ("maria", {}, "held", "ALREADY_REVIEWED"),
    "reviewed and rejected": ("maria", {}, "rejected", "ALREADY_REVIEWED"),
    "reviewed and deleted": ("maria", {}, "deleted", "ALREADY_REVIEWED"),
    "reviewed, long ago": ("maria", {"completedAt": LONG_AGO}, "reviewed", "ALREADY_REVIEWED"),
    "long ago": ("maria", {"completedAt": LONG_AGO}, "", "WINDOW_CLOSED"),
    "long ago and refunded": ("maria", {"completedAt": LONG_AGO, "status": "REFUNDED"}, "", "ORDER_REFUNDED"),
    "fine": ("maria", {}, "", None),
    "undone and done again": ("maria", {"completedAt": "2026-03-09T00:00:00Z"}, "", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_the_query_and_the_mutation_agree(case, request, shop, feed, maria, ada, at, stored):
    who, changes, has, reason = CASES[case]
    person = request.getfixturevalue(who)
    at(NOW)
    fed = {"completedAt": "2026-03-09T12:00:00Z", "vendor": NINA}
    if has:
        await feed("ORDER-1", **fed)
        await ada.do("updateSettings", reviewModeration=has == "held")
        payload = await maria.do(
            "createReview", "review { id }", order={"externalId": "ORDER-1"}, rating=5, body=BODY
        )
        key = {"reviewId": payload["review"]["id"]}
        if has == "rejected":
            await ada.do("rejectReview", **key, reason="SPAM")
        if has == "deleted":
            await ada.do("deleteReview", **key, reason="It was asked for.")
    if changes is not None:
        await feed("ORDER-1", **(fed | changes))
    before = await stored()

    verdict = (await person.ask(ASK, order={"externalId": "ORDER-1"}))["reviewEligibility"]
    payload = await person.do(
        "createReview", "review { rating }", order={"externalId": "ORDER-1"}, rating=4, body=BODY
    )

    assert (verdict["eligible"], verdict["reason"]) == (reason is None, reason)
    sees = who in {"maria", "ada"} and has in {"reviewed", "held", "rejected"}
    assert verdict["existingReview"] == ({"body": BODY} if sees else None)
    if reason is None:
        assert payload == {"review": {"rating": 4}, "errors": []}
        assert verdict["message"] == "You can review this order until the end of 2026-04-08."
        return
    assert payload["review"] is None
    assert [(e["code"], e["field"], e["message"]) for e in payload["errors"]] == [
        (CODES.get(reason, reason), ["input", "order"], verdict["message"])
    ]
    assert await stored() == before


async def test_a_published_review_is_returned_whatever_the_reason(review, nina, sam, shop):
    await review()

    found = [
        (await person.ask(ASK, order={"externalId": "ORDER-1"}))["reviewEligibility"]
        for person in (nina, sam, shop)
    ]

    assert [each["reason"] for each in found] == ["NOT_THE_CUSTOMER"] * 3
    assert [each["existingReview"] is not None for each in found] == [True] * 3


async def test_the_orders_field_gives_the_same_verdict(feed, maria):
    fed = await feed()
    query = "query($id: ID!) { order(ref: {id: $id}) { review { id } reviewEligibility { eligible reason lastDay closesAt message } } }"

    below = (await maria.ask(query, id=fed["order"]["id"]))["order"]
    direct = (await maria.ask(ASK, order={"id": fed["order"]["id"]}))["reviewEligibility"]

    assert below["review"] is None
    assert below["reviewEligibility"] == {k: direct[k] for k in below["reviewEligibility"]}


# Time zone, completion, days, last day, and the first instant after it in UTC.
WINDOWS = [
    ("UTC", "2026-01-01T00:00:00Z", 30, "2026-01-31", "2026-02-01T00:00:00+00:00"),
    ("UTC", "2026-01-01T23:59:59Z", 30, "2026-01-31", "2026-02-01T00:00:00+00:00"),
    ("Europe/Berlin", "2025-12-31T23:00:00Z", 30, "2026-01-31", "2026-01-31T23:00:00+00:00"),
    ("Europe/Berlin", "2025-12-31T22:59:59Z", 30, "2026-01-30", "2026-01-30T23:00:00+00:00"),
    # Clocks go forward on March 29 and back on October 25.
    ("Europe/Berlin", "2026-03-01T12:00:00Z", 30, "2026-03-31", "2026-03-31T22:00:00+00:00"),
    ("Europe/Berlin", "2026-03-28T12:00:00Z", 1, "2026-03-29", "2026-03-29T22:00:00+00:00"),
    ("Europe/Berlin", "2026-10-24T12:00:00Z", 1, "2026-10-25", "2026-10-25T23:00:00+00:00"),
    ("America/New_York", "2026-02-20T03:00:00Z", 30, "2026-03-21", "2026-03-22T04:00:00+00:00"),
    # Midnight does not exist on November 4, 2018: the day begins at 1 o'clock.
    ("America/Sao_Paulo", "2018-11-02T12:00:00Z", 1, "2018-11-03", "2018-11-04T03:00:00+00:00"),
    ("America/Sao_Paulo", "2018-11-02T12:00:00Z", 2, "2018-11-04", "2018-11-05T02:00:00+00:00"),
    # And on February 18, 2018 the hour before midnight comes twice.
    ("America/Sao_Paulo", "2018-02-16T12:00:00Z", 1, "2018-02-17", "2018-02-18T03:00:00+00:00"),
    # December 30, 2011 does not exist.
    ("Pacific/Apia", "2011-12-28T12:00:00Z", 1, "2011-12-29", "2011-12-30T10:00:00+00:00"),
    ("Pacific/Apia", "2011-12-28T12:00:00Z", 3, "2011-12-31", "2011-12-31T10:00:00+00:00"),
    # Midnight comes twice: the window ends with the first one.
    ("America/Havana", "2026-10-30T12:00:00Z", 1, "2026-10-31", "2026-11-01T04:00:00+00:00"),
    ("Asia/Kathmandu", "2026-01-01T18:15:00Z", 30, "2026-02-01", "2026-02-01T18:15:00+00:00"),
]


@pytest.mark.parametrize(("zone", "completed", "days", "last_day", "closes_at"), WINDOWS)
def test_a_window_is_whole_days_of_the_sites_calendar(zone, completed, days, last_day, closes_at):
    found = window(datetime.fromisoformat(completed), days, zone)

    assert (found.last_day.isoformat(), found.closes_at.isoformat()) == (last_day, closes_at)
    assert found.is_open(found.closes_at - timedelta(microseconds=1))
    assert not found.is_open(found.closes_at)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_a_window_past_the_end_of_the_calendar_is_unlimited(zone):
    assert window(datetime(9999, 12, 5, tzinfo=UTC), 30, zone) is None
    assert window(datetime(2026, 1, 1, tzinfo=UTC), 36_500, zone).last_day.year == 2125


@pytest.mark.parametrize(
    ("zone", "completed", "closes_at"),
    [
        ("UTC", "2026-01-01T12:00:00Z", "2026-02-01T00:00:00+00:00"),
        ("America/Sao_Paulo", "2026-01-01T02:59:00Z", "2026-01-31T03:00:00+00:00"),
        ("Pacific/Apia", "2026-01-01T12:00:00Z", "2026-02-01T11:00:00+00:00"),
        ("Europe/Berlin", "2026-03-01T12:00:00Z", "2026-03-31T22:00:00+00:00"),
    ],
)
async def test_the_window_is_open_until_the_end_of_its_last_day(
    feed, maria, ada, at, stored, zone, completed, closes_at
):
    closing = datetime.fromisoformat(closes_at)
    at(datetime.fromisoformat(completed))
    await ada.do("updateSettings", timeZone=zone)
    await feed("ORDER-1", completedAt=completed)
    await feed("ORDER-2", completedAt=completed)
    given = {"rating": 5, "body": BODY}

    at(closing - timedelta(microseconds=1))
    open_ = (await maria.ask(ASK, order={"externalId": "ORDER-1"}))["reviewEligibility"]
    accepted = await maria.do("createReview", order={"externalId": "ORDER-1"}, **given)
    at(closing)
    before = await stored()
    closed = (await maria.ask(ASK, order={"externalId": "ORDER-2"}))["reviewEligibility"]
    refused = await maria.do("createReview", order={"externalId": "ORDER-2"}, **given)

    assert accepted["errors"] == []
    assert (open_["eligible"], open_["closesAt"]) == (True, closes_at)
    assert (closed["reason"], closed["closesAt"]) == ("WINDOW_CLOSED", closes_at)
    assert closed["message"] == f"The time to review this order ended with {closed['lastDay']}."
    assert [error["code"] for error in refused["errors"]] == ["WINDOW_CLOSED"]
    assert await stored() == before


async def test_a_changed_window_applies_to_all_orders_and_0_is_unlimited(feed, maria, ada, at):
    at(NOW)
    await feed("ORDER-1", completedAt=LONG_AGO)
    found = {}

    for days in (30, 68, 67, 0):
        await ada.do("updateSettings", reviewWindowDays=days)
        verdict = (await maria.ask(ASK, order={"externalId": "ORDER-1"}))["reviewEligibility"]
        found[days] = (verdict["reason"], verdict["lastDay"], verdict["closesAt"])

    assert found == {
        30: ("WINDOW_CLOSED", "2026-01-31", "2026-02-01T00:00:00+00:00"),
        68: (None, "2026-03-10", "2026-03-11T00:00:00+00:00"),
        67: ("WINDOW_CLOSED", "2026-03-09", "2026-03-10T00:00:00+00:00"),
        0: (None, None, None),
    }


async def test_an_order_without_a_completion_date_is_open_only_if_unlimited(feed, maria, ada):
    fed = await feed()
    await Order.all().update(completed_at=None)

    closed = (await maria.ask(ASK, order={"id": fed["order"]["id"]}))["reviewEligibility"]
    refused = await maria.do("createReview", order={"externalId": "ORDER-1"}, rating=5, body=BODY)
    await ada.do("updateSettings", reviewWindowDays=0)
    opened = (await maria.ask(ASK, order={"id": fed["order"]["id"]}))["reviewEligibility"]

    assert (closed["reason"], closed["lastDay"], closed["closesAt"]) == (
        "WINDOW_CLOSED",
        None,
        None,
    )
    assert closed["message"] == "The time to review this order is over."
    assert [error["code"] for error in refused["errors"]] == ["WINDOW_CLOSED"]
    assert (opened["reason"], opened["lastDay"], opened["closesAt"]) == (None, None, None)
