"""Marking a full inbox as read: by one mark, and each notification still knows when it was read."""

from datetime import UTC, datetime, timedelta

import pytest

from models import InboxMark, Notification
from models.uuid7 import uuid7
from resolvers import notifications

NOON = datetime.now(UTC).replace(microsecond=0)
LIST = """query ($first: Int, $last: Int, $before: String, $unread: Boolean = false) { viewer {
  unreadNotificationCount
  notifications(first: $first, last: $last, before: $before, unreadOnly: $unread) {
    totalCount edges { cursor node { id readAt } } } } }"""


@pytest.fixture(autouse=True)
def few(monkeypatch, at):
    """Three are many."""
    monkeypatch.setattr(notifications, "MAX_MARKED_SINGLY", 3)
    at(NOON)


async def notify(number, *, recipient="NINA", minutes=10, audience="VENDOR"):
    """That many notifications, the last one so many minutes before noon."""
    for each in range(number):
        key = uuid7()
        await Notification.create(
            audience=audience,
            recipient=recipient,
            kind="review.received",
            event_key=str(key),
            subject_type="Review",
            subject_id=key,
            created_at=NOON - timedelta(minutes=minutes, seconds=each),
        )


async def inbox(person, **given):
    data = (await person.ask(LIST, **given))["viewer"]
    rows = [edge["node"]["readAt"] for edge in data["notifications"]["edges"]]
    assert data["notifications"]["totalCount"] >= len(rows)
    return data["unreadNotificationCount"], rows


async def test_a_full_inbox_is_marked_as_a_whole(app, nina):
    await notify(6)
    assert await inbox(nina) == (6, [None] * 6)

    await nina.do("markNotificationsRead", all=True)

    assert await inbox(nina) == (0, [NOON.isoformat()] * 6)
    assert await inbox(nina, unread=True) == (0, [])
    assert await InboxMark.all().count() == 1
    assert await Notification.filter(read_at__isnull=False).count() == 0


async def test_few_are_marked_one_by_one(app, nina):
    await notify(3)

    await nina.do("markNotificationsRead", all=True)

    assert await inbox(nina) == (0, [NOON.isoformat()] * 3)
    assert await InboxMark.all().count() == 0


async def test_what_comes_later_is_unread_and_what_was_read_keeps_its_time(app, nina, at):
    await notify(5)
    await nina.do("markNotificationsRead", all=True)
    later = at(NOON + timedelta(hours=1))
    await notify(4, minutes=-30)

    assert await inbox(nina) == (4, [None] * 4 + [NOON.isoformat()] * 5)
    await nina.do("markNotificationsRead", all=True)

    assert await inbox(nina) == (0, [later.isoformat()] * 4 + [NOON.isoformat()] * 5)
    assert await InboxMark.all().count() == 2


async def test_one_that_is_committed_late_stays_unread(app, nina):
    """Its date may lie before the moment of the mark."""
    await notify(5)
    await nina.do("markNotificationsRead", all=True)

    await notify(1, minutes=0)

    assert await inbox(nina, unread=True) == (1, [None])


async def test_the_newest_are_read_too(app, nina):
    await notify(4)
    await notify(2, minutes=0)

    await nina.do("markNotificationsRead", all=True)

    assert await inbox(nina) == (0, [NOON.isoformat()] * 6)


async def test_marking_by_ids_leaves_the_time_of_a_mark(app, nina, at):
    await notify(5)
    await nina.do("markNotificationsRead", all=True)
    at(NOON + timedelta(hours=1))
    edges = (await nina.ask(LIST))["viewer"]["notifications"]["edges"]

    await nina.do("markNotificationsRead", ids=[edge["node"]["id"] for edge in edges])

    assert await inbox(nina) == (0, [NOON.isoformat()] * 5)


async def test_a_mark_is_of_one_inbox(app, nina, omar, maria):
    await notify(5)
    await notify(5, recipient="OMAR")
    await notify(2, recipient="NINA", audience="CUSTOMER")

    await nina.do("markNotificationsRead", all=True)

    assert (await inbox(nina))[0] == 0
    assert (await inbox(omar))[0] == 5
    assert (await inbox(maria))[0] == 0


async def test_unread_ones_are_paged_backwards_from_a_mark(app, nina, at):
    await notify(5)
    await nina.do("markNotificationsRead", all=True)
    at(NOON + timedelta(hours=1))
    await notify(4, minutes=-30)
    edges = (await nina.ask(LIST, unread=True))["viewer"]["notifications"]["edges"]

    assert await inbox(nina, unread=True, last=2, before=edges[3]["cursor"]) == (4, [None] * 2)
