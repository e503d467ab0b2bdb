from urllib.parse import parse_qs, urlsplit

import pytest

from mailers.letters.examples import CASES, example
from mailers.letters.share_links import share, share_links
from mailers.letters.site import Site
from mailers.mail import Person
from models import ShareAudience, SiteSettings, token_text

TARGET = "https://nordlicht.example/reviews?a=1&b=ü".replace("ü", "%C3%BC")
TEXT = '100% great & "quoted" + more: größe 😀 {site_name}\nsecond line'


@pytest.fixture
def site(store, config):
    def make(**settings):
        return Site(
            SiteSettings(site_name="Nordlicht & Co", site_url="https://n.example", **settings),
            config,
        )

    return make


def test_each_dialog_gets_the_exact_text_and_target():
    links = {link.network: urlsplit(link.url) for link in share_links(TARGET, TEXT)}

    def query(network):
        return parse_qs(links[network].query, strict_parsing=True)

    assert {name: f"{url.netloc}{url.path}" for name, url in links.items()} == {
        "Facebook": "www.facebook.com/sharer/sharer.php",
        "X": "x.com/intent/tweet",
        "LinkedIn": "www.linkedin.com/sharing/share-offsite/",
        "WhatsApp": "wa.me/",
    }
    assert query("Facebook") == {"u": [TARGET]}
    assert query("X") == {"text": [TEXT], "url": [TARGET]}
    assert query("LinkedIn") == {"url": [TARGET]}
    assert query("WhatsApp") == {"text": [f"{TEXT} {TARGET}"]}
    assert all("+" not in url.query for url in links.values())


def test_tokens_are_replaced_once_and_before_encoding(site):
    block = share(
        site(
            promoter_share_url="{site_url}/r",
            promoter_share_text="{site_name} {site_url} {{site_name}} {x}",
        )
    )

    assert block.text == "Nordlicht & Co https://n.example {Nordlicht & Co} {x}"
    assert block.links[0].url.endswith("?u=https%3A%2F%2Fn.example%2Fr")


def test_a_site_named_after_a_token_is_not_replaced_again():
    assert (
        token_text.filled("{site_name}", {"site_name": "{site_url}", "site_url": "x"})
        == "{site_url}"
    )


def test_an_unknown_token_is_refused_when_it_is_saved():
    token_text.checked("{site_name} at {site_url}")
    with pytest.raises(ValueError, match=r"\{sitename\}, only \{site_name\}, \{site_url\}"):
        token_text.checked("{sitename}")


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "javascript:alert(1)",
        "//x.example",
        "https://x.example/ y",
        "data:text/html,x",
        "{site_name}",
    ],
)
def test_without_a_web_address_there_is_no_share_block(url, site):
    assert share(site(promoter_share_url=url)) is None


@pytest.mark.parametrize(
    ("kind", "audience", "shares"),
    [
        ("rating.promoter", ShareAudience.PROMOTERS, True),
        ("rating.detractor", ShareAudience.PROMOTERS, False),
        ("rating.promoter", ShareAudience.EVERYONE, True),
        ("rating.detractor", ShareAudience.EVERYONE, True),
    ],
)
def test_who_is_asked_to_share(kind, audience, shares, site):
    settings = site(promoter_share_url=TARGET, share_audience=audience)

    mail = example(kind, CASES["friendly"], settings, Person("Maria", "m@x.example"))

    for part in (mail.html, mail.text):
        assert ("sharer.php" in part) == shares
        assert ("wa.me" in part) == shares


def test_the_note_to_an_unhappy_customer_can_be_answered(site):
    told = site(admin_email="support@nordlicht.example")
    mail = example("rating.detractor", CASES["friendly"], told, Person("Maria", "m@x.example"))

    assert mail.reply_to == "support@nordlicht.example"
