"""Links with characters that mail programs append: they work like the link alone."""

from datetime import UTC, datetime
from urllib.parse import quote
from uuid import UUID

import pytest

from mailers.letters.signed_links import Claim, ForgedLink, Purpose, cut, read, sign
from mailers.outbox.suppression import recipient_hash
from models import MailOptout, Review
from schema import ids

LATER = datetime(2100, 1, 1, tzinfo=UTC)
GLUE = [".", ")", ">", " ", "\u200b", "=", "==", "\r", "\r\n", "&utm_source=mail", ",", "…", "”"]
GLUE += ["-", "_", "A", "abc", ".eyJ", "/", "/x", "%", ".html", "'", "]", ";jsessionid=1", "*"]


@pytest.fixture
async def token(feed, settings) -> str:
    order = (await feed())["order"]["id"]
    return sign(settings.secret, Claim(Purpose.REVIEW, ids.decode(order)[1], 1, 0, LATER))


@pytest.mark.parametrize("glue", GLUE)
async def test_a_page_opens_and_stores_with_glue_behind_its_link(client, token, glue):
    path = f"/r/{token}{quote(glue, safe='/&=')}"

    page = await client.get(path)
    form = {"rating": "5", "body": "Very good work, on time."}
    stored = await client.post(path, data=form)

    assert page.status_code == 200
    assert "<form" in page.text
    assert stored.status_code == 200
    assert await Review.all().count() == 1


@pytest.mark.parametrize("glue", [g for g in GLUE if g.isascii() and "\r" not in g])
async def test_the_api_takes_it_as_a_bearer_token(nobody, token, glue):
    holder = type(nobody)(nobody.client, token + glue)

    assert (await holder.ask("{ viewer { role } }"))["viewer"] == {"role": "GUEST"}


async def test_unsubscribing_works_with_glue(client, settings):
    claim = Claim(Purpose.UNSUBSCRIBE, UUID(hex=recipient_hash(settings.secret, "a@example.com")))
    answer = await client.post(f"/unsubscribe/{sign(settings.secret, claim)}%3E", content=b"")

    assert answer.status_code == 200
    assert await MailOptout.all().count() == 1


async def test_glue_is_no_guess(another, token):
    async with another(rate_limits=True) as client:
        statuses = {(await client.get(f"/r/{token}.")).status_code for _ in range(100)}
        wrong = [(await client.get("/r/guess.")).status_code for _ in range(61)]

    assert statuses == {200}
    assert wrong == [404] * 60 + [429]


async def test_a_forged_token_is_refused_whatever_is_glued_to_it(client, token, stored):
    before = await stored()
    forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BA")

    for glue in ("", ".", token):
        assert (await client.get(f"/r/{forged}{glue}")).status_code == 404

    assert await stored() == before


def test_a_token_is_cut_to_the_length_of_its_version():
    token = sign("secret", Claim(Purpose.REVIEW, UUID(int=1)))

    assert cut(token + ".") == cut(token + token) == cut(token) == token
    for text in (
        "",
        ".",
        token[:-1],
        "eyJhbGciOiJIUzI1NiJ9." + token,
        "Ag" + token[2:],
        " " + token,
    ):
        assert cut(text) is None
    with pytest.raises(ForgedLink):
        read("secret", "Ag" + token[2:], Purpose.REVIEW)
