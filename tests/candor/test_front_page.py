"""The page at `/` and its icon, for people who open the address in a browser."""

import re
from datetime import timedelta

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order, clock

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def database(sqlite_database) -> str:
    """One database is enough: the page uses none."""
    return sqlite_database


def links(page):
    return re.findall(r'href="([^"]+)"', page.text)


async def test_it_says_what_this_is_and_every_link_of_it_leads_somewhere(another):
    async with another(graphiql=True) as client:
        page = await client.get("/", headers=BROWSER)
        answers = [await client.get(link, headers=BROWSER) for link in links(page)]

    assert page.status_code == 200
    assert "<h1>Candor</h1>" in page.text
    assert links(page) == ["/graphql", "/graphql/schema.graphql", "/healthz", "/readyz"]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert "GraphiQL" in page.text


async def test_what_is_switched_off_is_not_linked(another):
    async with another(graphiql=False, production=True, rate_limits=True) as client:
        page = await client.get("/", headers=BROWSER)

    assert page.status_code == 200
    assert links(page) == ["/graphql/schema.graphql", "/healthz", "/readyz"]
    assert "GraphiQL" not in page.text


async def test_it_speaks_the_language_of_the_browser(client):
    page = await client.get("/", headers={"Accept-Language": "de-AT, en;q=0.5"})

    assert page.headers["content-language"] == "de"
    assert "Marktplatzes" in page.text


async def test_it_runs_nothing_and_asks_no_other_host_and_may_show_its_icon(client):
    page = await client.get("/")

    assert "<script" not in page.text
    assert "http" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert policy.endswith("img-src 'self'")
    assert page.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/favicon.ico"])
async def test_a_head_is_answered_like_a_get_and_a_post_is_not(client, path):
    head, got = await client.head(path), await client.get(path)

    assert (head.status_code, got.status_code) == (200, 200)
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"]
    assert (await client.post(path)).status_code == 405


async def test_the_icon_is_one(client):
    icon = await client.get("/favicon.ico")

    assert icon.headers["content-type"] == "image/x-icon"
    assert icon.content[:6] == bytes([0, 0, 1, 0, 3, 0])
    assert icon.content.count(b"\x89PNG\r\n") == 3


async def test_it_answers_without_a_database(settings, another, tmp_path):
    async with another(database_url=f"sqlite://{tmp_path}/nowhere/candor.sqlite3") as client:
        page = await client.get("/")

    assert page.status_code == 200


async def test_a_page_of_a_link_leads_here_until_the_marketplace_told_its_address(
    client, feed, settings, ada
):
    await feed("ORDER-1")
    order = await Order.get(external_id="ORDER-1")
    claim = Claim(Purpose.REVIEW, order.id, 1, expires_at=clock.now() + timedelta(days=1))
    path = f"/r/{sign(settings.secret, claim)}"

    before = links(await client.get(path))
    await ada.do("updateSettings", siteUrl="https://shop.example")

    assert before == ["/"]
    assert links(await client.get(path)) == ["https://shop.example"]
