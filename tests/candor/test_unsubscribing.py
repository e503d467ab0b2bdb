"""Unsubscribing by one click of a mail program or by choice; opening the page changes nothing."""

from uuid import UUID

import pytest

from mailers.catalogue import Category
from mailers.letters.signed_links import Claim, Purpose, sign
from mailers.letters.site import CATEGORIES
from mailers.outbox.suppression import declined, recipient_hash
from models import MailOptout

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def recipient(settings):
    return recipient_hash(settings.secret, "maria@example.com")


@pytest.fixture
def path(settings, recipient):
    def make(category=Category.REMINDERS):
        number = CATEGORIES.index(category)
        claim = Claim(Purpose.UNSUBSCRIBE, UUID(hex=recipient), number=number)
        return f"/unsubscribe/{sign(settings.secret, claim)}"

    return make


async def test_a_look_unsubscribes_nobody(client, path):
    for method in ("GET", "HEAD", "GET"):
        answer = await client.request(method, path())
        assert answer.status_code == 200

    assert "Which mails do you want?" in answer.text
    assert answer.text.count(" checked") == 3
    assert not await MailOptout.exists()


@pytest.mark.parametrize("category", list(Category))
async def test_one_click_is_enough_and_twice_is_the_same(client, path, recipient, category):
    for _ in range(2):
        answer = await client.post(path(category), data=ONE_CLICK)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers

    assert await declined(recipient) == {category}
    assert await MailOptout.all().count() == 1
    assert "It holds from now on." in answer.text
    assert answer.text.count(" checked") == 2


async def test_the_click_may_come_as_multipart(client, path, recipient):
    answer = await client.post(path(), files={"List-Unsubscribe": (None, "One-Click")})

    assert answer.status_code == 200
    assert await declined(recipient) == {Category.REMINDERS}


async def test_a_choice_is_stored_as_it_stands(client, path, recipient):
    await client.post(path(), data=ONE_CLICK)

    answer = await client.post(path(), data={"choose": "1", "category": ["REMINDERS", "NONSENSE"]})

    assert answer.status_code == 200
    assert await declined(recipient) == {Category.FOLLOW_UPS, Category.RATING_REQUESTS}
    assert answer.text.count(" checked") == 1


@pytest.mark.parametrize("form", [{"": ""}, {"List-Unsubscribe": "no"}, {"category": "REMINDERS"}])
async def test_a_post_that_says_nothing_changes_nothing(client, path, form):
    answer = await client.post(path(), data=form | {"x": "y"})

    assert answer.status_code == 422
    assert "Nothing was stored yet. Please use one of the buttons." in answer.text
    assert "<title>Please check" in answer.text
    assert not await MailOptout.exists()


async def test_a_broken_part_is_no_form(client, path):
    for content in (
        b"--x",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--',
    ):
        answer = await client.post(
            path(), content=content, headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code in {400, 422}
    assert not await MailOptout.exists()
