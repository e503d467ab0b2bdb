"""One-click unsubscribe, in every form that mail systems send."""

from uuid import UUID

import pytest

from mailers.catalogue import Category
from mailers.letters.signed_links import Claim, Purpose, sign
from mailers.letters.site import CATEGORIES
from mailers.outbox.suppression import declined, recipient_hash
from models import MailOptout

FORM = "application/x-www-form-urlencoded"
CLICK = b"List-Unsubscribe=One-Click"
PART = b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n%s\r\nOne-Click\r\n--x--\r\n'


@pytest.fixture
def recipient(settings) -> str:
    return recipient_hash(settings.secret, "maria@example.com")


@pytest.fixture
def path(settings, recipient) -> str:
    number = CATEGORIES.index(Category.REMINDERS)
    claim = Claim(Purpose.UNSUBSCRIBE, UUID(hex=recipient), number=number)
    return f"/unsubscribe/{sign(settings.secret, claim)}"


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        (FORM, CLICK),
        (FORM, CLICK + b"\r\n"),
        (FORM, b"\r\n" + CLICK + b"\n\n"),
        (f"{FORM}; charset=UTF-8", CLICK),
        (FORM.upper(), CLICK.lower()),
        (FORM, CLICK.upper()),
        (FORM, b"List%2DUnsubscribe=One%2DClick"),
        (FORM, b"List-Unsubscribe=One-Click&utm_source=mail"),
        ("text/plain", CLICK),
        ("text/plain; charset=iso-8859-1", CLICK + b"\r\n"),
        ("application/json", b'{"List-Unsubscribe": "One-Click"}'),
        (None, CLICK),
        ("multipart/form-data; boundary=x", PART % b""),
        ("multipart/form-data; boundary=x", PART % b"Content-Type: text/plain; charset=utf-8\r\n"),
        ("multipart/form-data", PART % b""),
        (FORM, b""),
        (FORM, b"\r\n"),
        (f"{FORM}; charset=utf-8", b""),
        ("multipart/form-data; boundary=x", b""),
        ("text/plain", b""),
        (None, b""),
    ],
)
async def test_every_spelling_of_the_click_unsubscribes(
    client, path, recipient, content_type, content
):
    headers = {"Content-Type": content_type} if content_type else {}

    answer = await client.post(path, content=content, headers=headers)

    assert answer.status_code == 200
    assert "It holds from now on." in answer.text
    assert await declined(recipient) == {Category.REMINDERS}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("content", [b"", CLICK])
async def test_nothing_but_a_post_unsubscribes(client, path, method, content):
    await client.request(method, path, content=content, headers={"Content-Type": FORM})
    await client.request(method, f"{path}?List-Unsubscribe=One-Click")

    assert not await MailOptout.exists()


@pytest.mark.parametrize(
    ("content_type", "content", "status"),
    [
        (FORM, b"List-Unsubscribe=no", 422),
        (FORM, b"category=REMINDERS", 422),
        ("text/plain", b"hello", 415),
        (FORM, b"x=" + b"y" * 3_000 + CLICK, 422),
    ],
)
async def test_what_says_something_else_unsubscribes_nobody(
    client, path, content_type, content, status
):
    answer = await client.post(path, content=content, headers={"Content-Type": content_type})

    assert answer.status_code == status
    assert not await MailOptout.exists()


async def test_an_empty_post_stores_nothing_on_other_pages(feed, settings, client, stored):
    await feed()
    before = await stored()

    for page in ("r", "u"):
        answer = await client.post(f"/{page}/nothing", headers={"Content-Type": FORM})
        assert answer.status_code == 404

    assert await stored() == before
