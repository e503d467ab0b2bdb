"""Totals: exact where a counter or an index has them, else counted to a limit, and said so."""

import pytest

from models import Notification, clock
from models.uuid7 import uuid7
from resolvers import scoped_pages

TOTAL = "totalCount totalCountIsExact"


@pytest.fixture
def few(monkeypatch):
    """Rows are counted to 3."""
    monkeypatch.setattr(scoped_pages, "MAX_COUNTED", 3)


@pytest.fixture
async def reviews(review, few):
    for number in range(5):
        await review(f"ORDER-{number}", rating=5 if number else 2)


async def total(person, list_, inside="{ %s }"):
    data = await person.ask(inside % f"{list_} {{ {TOTAL} }}")
    while "totalCount" not in data:
        (data,) = data.values()
    return data["totalCount"], data["totalCountIsExact"]


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("", (5, True)),
        ("(filter: { rating: 5 })", (4, True)),
        ("(filter: { status: APPROVED })", (5, True)),
        ("(filter: { hasReply: false })", (5, True)),
        ("(filter: { hasReply: true })", (0, True)),
        ("(filter: { rating: 5, hasReply: false })", (4, True)),
        ('(filter: { search: "good" })', (3, False)),
        ('(filter: { search: "bad" })', (0, True)),
        ('(filter: { createdAfter: "2020-01-01T00:00:00Z" })', (3, False)),
    ],
)
async def test_reviews_of_a_service_and_a_vendor(nobody, ada, maria, reviews, filter, expected):
    for person in (nobody, ada, maria):
        for holder in ("service", "vendor"):
            ref = {"service": "LOGO", "vendor": "NINA"}[holder]
            inside = f'{{ {holder}(ref: {{ externalId: "{ref}" }}) {{ %s }} }}'
            assert await total(person, f"reviews{filter}", inside) == expected


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ("", (5, True)),
        ("(filter: { rating: 2 })", (1, True)),
        ('(filter: { service: { externalId: "LOGO" } })', (5, True)),
        ('(filter: { vendor: { externalId: "NINA" }, hasReply: false })', (5, True)),
        ("(filter: { hasReply: false })", (3, False)),
        (
            '(filter: { service: { externalId: "LOGO" }, vendor: { externalId: "NINA" } })',
            (3, False),
        ),
    ],
)
async def test_reviews_of_the_site(nobody, ada, reviews, filter, expected):
    for person in (nobody, ada):
        assert await total(person, f"reviews{filter}") == expected


async def test_what_is_hidden_is_in_the_total_of_those_who_see_it(ada, maria, nobody, reviews):
    (held,) = (await ada.ask("{ reviews(first: 1) { nodes { id } } }"))["reviews"]["nodes"]
    await ada.do("rejectReview", reviewId=held["id"], reason="SPAM")

    assert [await total(each, "reviews") for each in (nobody, maria, ada)] == [
        (4, True),
        (5, True),
        (5, True),
    ]
    assert await total(nobody, "reviews(filter: { status: REJECTED })") == (0, True)
    assert await total(ada, "reviews(filter: { status: REJECTED })") == (1, True)


async def test_other_lists_count_to_the_limit(ada, sam, nina, reviews, open_update):
    for number in range(4):
        await open_update(f"ORDER-{number}")

    assert await total(ada, "orderUpdates") == (3, False)
    assert await total(nina, "orderUpdates") == (3, False)
    assert await total(sam, "orderUpdates(filter: { status: SOLVED })") == (0, True)
    assert await total(ada, "mailDeliveries") == (3, False)
    assert await total(sam, "trackingLog") == (3, False)
    assert await total(nina, "notifications", "{ viewer { %s } }") == (3, False)
    assert await total(nina, "notifications(first: 1)", "{ viewer { %s } }") == (3, False)


async def test_unread_notices_are_counted_to_a_hundred(app, nina):
    async def unread():
        return (await nina.ask("{ viewer { unreadNotificationCount } }"))["viewer"][
            "unreadNotificationCount"
        ]

    rows = [
        Notification(
            audience="VENDOR",
            recipient="NINA",
            kind="review.received",
            event_key=f"event {number}",
            subject_type="Review",
            subject_id=uuid7(),
            created_at=clock.now(),
        )
        for number in range(130)
    ]
    await Notification.bulk_create(rows[:99])
    assert await unread() == 99
    await Notification.bulk_create(rows[99:])
    assert await unread() == 100
    await nina.do("markNotificationsRead", all=True)
    assert await unread() == 0
