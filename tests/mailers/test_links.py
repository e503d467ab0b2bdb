from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailers.catalogue import Category
from mailers.letters.signed_links import (
    BadLink,
    Claim,
    ExpiredLink,
    ForeignLink,
    ForgedLink,
    Purpose,
    read,
    sign,
)
from mailers.letters.site import Site, category_of, preselected
from mailers.outbox.suppression import recipient_hash
from models import SiteSettings, web_address

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ID = UUID("01890000-0000-7000-8000-000000000001")
CLAIM = Claim(Purpose.REVIEW, ID, version=3, expires_at=NOON)
TOKEN = sign("secret", CLAIM)


@pytest.fixture
def before_noon(at):
    at(NOON - timedelta(seconds=1))


def test_a_token_holds_the_signed_claim(before_noon):
    assert read("secret", TOKEN, Purpose.REVIEW) == CLAIM
    assert len(TOKEN) <= 64


def test_a_token_expires(at):
    at(NOON)

    with pytest.raises(ExpiredLink):
        read("secret", TOKEN, Purpose.REVIEW)


def test_a_token_is_good_for_its_purpose_only(before_noon):
    with pytest.raises(ForeignLink):
        read("secret", TOKEN, Purpose.RATE_UPDATE)
    with pytest.raises(ForeignLink):
        read("secret", TOKEN)


def test_a_token_of_another_installation_is_refused(before_noon):
    with pytest.raises(ForgedLink):
        read("other", TOKEN, Purpose.REVIEW)


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_a_token_with_one_wrong_character_is_refused(place, before_noon):
    for character in "AZ_":
        if TOKEN[place] != character:
            forged = TOKEN[:place] + character + TOKEN[place + 1 :]
            with pytest.raises(ForgedLink):
                read("secret", forged, Purpose.REVIEW)


@pytest.mark.parametrize("length", range(len(TOKEN)))
def test_a_truncated_token_is_refused(length, before_noon):
    with pytest.raises(ForgedLink):
        read("secret", TOKEN[:length], Purpose.REVIEW)


@given(st.text(max_size=100))
def test_any_other_text_is_refused(text):
    with pytest.raises(BadLink):
        read("secret", text, *Purpose)


@pytest.mark.parametrize("more", ["=", "A", "AAAA", " ", "\n"])
def test_characters_after_a_token_are_ignored(more, before_noon):
    assert read("secret", TOKEN + more, Purpose.REVIEW) == CLAIM
    with pytest.raises(ForgedLink):
        read("secret", more + TOKEN, Purpose.REVIEW)


@pytest.fixture
def site(config):
    def make(**settings):
        return Site(SiteSettings(**settings), config)

    return make


def test_links_point_to_our_own_pages_without_a_storefront(site, config, before_noon):
    link = site().review_link(
        order_id=ID, order_number="A/1", service_number="S 1", version=3, closes_at=NOON
    )

    address, _, token = link.rpartition("/")
    assert address == "https://reviews.nordlicht.example/r"
    assert read(config.secret, token, Purpose.REVIEW) == CLAIM


def test_links_point_into_the_storefronts_pages(site, config):
    template = "https://shop.example/orders/{order_id}/rate?t={token}&u={update_id}"
    expires_at = datetime(2100, 1, 1, tzinfo=UTC)

    link = site(update_url_template=template).update_link(
        update_id=ID, order_number="A/1 ü", version=2, solve=4, expires_at=expires_at
    )

    assert urlsplit(link).path == "/orders/A%2F1%20%C3%BC/rate"
    query = parse_qs(urlsplit(link).query)
    claim = read(config.secret, query["t"][0], Purpose.RATE_UPDATE)
    assert (claim.subject, claim.version, claim.number) == (ID, 2, 4)
    assert query["u"] == [str(ID)]


def test_a_link_of_an_unlimited_window_still_ends(site, config, at):
    at(NOON)

    link = site().review_link(
        order_id=ID, order_number="1", service_number="1", version=1, closes_at=None
    )

    claim = read(config.secret, link.rpartition("/")[2], Purpose.REVIEW)
    assert claim.expires_at == NOON + timedelta(days=365)


def test_an_unsubscribe_link_holds_recipient_and_category_and_never_expires(site, config, at):
    recipient = recipient_hash(config.secret, "Maria@Example.com")

    link = site().unsubscribe_link(recipient=recipient, category=Category.FOLLOW_UPS)

    at(NOON, days=10_000)
    claim = read(config.secret, link.rpartition("/")[2], Purpose.UNSUBSCRIBE)
    assert claim.subject.hex == recipient == recipient_hash(config.secret, "maria@example.com ")
    assert category_of(claim) is Category.FOLLOW_UPS


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("https://a.example/r/T", "https://a.example/r/T?rating=4"),
        ("https://a.example/?t=T", "https://a.example/?t=T&rating=4"),
        ("https://a.example/?t=T#form", "https://a.example/?t=T&rating=4#form"),
    ],
)
def test_a_star_only_preselects(link, expected):
    assert preselected(link, rating=4) == expected


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)//{token}",
        "//shop.example/{token}",
        "https:///{token}",
        "https://shop.example/ {token}",
        "shop.example/{token}",
        "https://[/{token}",
        "data:text/html,{token}",
    ],
)
def test_a_template_that_is_not_a_web_address_is_refused(url):
    with pytest.raises(ValueError, match="address"):
        web_address.checked_template(url, {"order_id"})


def test_a_template_needs_the_token_and_allows_no_unknown_names():
    web_address.checked_template("https://shop.example/{order_id}/{token}", {"order_id"})
    web_address.checked("http://localhost:8000/x?y=z#a")

    with pytest.raises(ValueError, match=r"must hold \{token\}"):
        web_address.checked_template("https://shop.example/{order_id}", {"order_id"})
    with pytest.raises(ValueError, match=r"no \{secret\}"):
        web_address.checked_template("https://shop.example/{token}/{secret}", {"order_id"})
