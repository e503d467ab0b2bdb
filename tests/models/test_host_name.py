import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.settings import BadSettings, from_environment
from mailers.from_address import Sender
from mailers.relay import parse_relay
from models import Customer, web_address
from models.email_address import normalised
from models.host_name import a_labels

SAME_NAME = {
    "straße.example": "xn--strae-oqa.example",
    "STRAßE.example": "xn--strae-oqa.example",
    "STRAẞE.example": "xn--strae-oqa.example",
    "σος.example": "xn--0xagb.example",
    "ςος.example": "xn--0xafb.example",
    "ΣΟΣ.example": "xn--0xahb.example",
    "bücher.example": "xn--bcher-kva.example",
    "BÜCHER.example": "xn--bcher-kva.example",
    "bu\u0308cher.example": "xn--bcher-kva.example",
    "ｅｘａｍｐｌｅ.com": "example.com",
    "ＥＸＡＭＰＬＥ．ＣＯＭ": "example.com",
    "例え。テスト": "xn--r8jz45g.xn--zckzah",
    "例え｡テスト": "xn--r8jz45g.xn--zckzah",
    "نامه\u200cای.example": "xn--mgba3gch31f060k.example",
    "क्\u200dष.example": "xn--11b2ezcw70k.example",
    "аpple.example": "xn--pple-43d.example",
    "l·l.example": "xn--ll-0ea.example",
    "xn--strae-oqa.example": "xn--strae-oqa.example",
    "XN--STRAE-OQA.example": "xn--strae-oqa.example",
    "ab--cd.example": "ab--cd.example",
}

NO_NAME = [
    "xn--zzzzzz.example",
    "xn--a.example",
    "xn--.example",
    "straße.xn--a",
    "xn--strasse-.example",
    "ex\u200dample.com",
    "ex\u200cample.com",
    "a℀b.example",
    "☃.example",
    "-ü.example",
    "٠١٢.example",
    "a\u0300\u200d.example",
    "ü_.example",
    "ü" * 64 + ".example",
    "ü" * 300,
]

NO_MAIL_DOMAIN = [
    "münchen.example.",
    "bücher",
    "１２７.0.0.1",
    "127.0.0.1",
    "ü.123",
    "ü@.example",
]


@pytest.mark.parametrize("typed", SAME_NAME)
def test_a_mail_address_keeps_the_domain_that_was_typed(typed):
    assert normalised(f"Info@{typed}") == f"Info@{SAME_NAME[typed]}"


@pytest.mark.parametrize("typed", NO_NAME + NO_MAIL_DOMAIN)
def test_a_mail_address_at_an_impossible_domain_is_refused(typed):
    with pytest.raises(ValueError, match=r"part after the @|one @"):
        normalised(f"info@{typed}")


@pytest.mark.parametrize("typed", SAME_NAME)
def test_a_web_address_changes_only_in_the_spelling_of_its_host(typed):
    address = f"https://{typed}:8443/Straße?q=straße#ß"

    host = typed if typed.isascii() and typed.islower() else SAME_NAME[typed]
    assert web_address.checked(address) == f"https://{host}:8443/Straße?q=straße#ß"


@pytest.mark.parametrize("typed", NO_NAME)
def test_a_web_address_with_an_impossible_host_is_refused(typed):
    with pytest.raises(ValueError, match=r"address|host name"):
        web_address.checked(f"https://{typed}/")


@given(st.text(max_size=30) | st.text("aß.-xn\u200d。ü1Ａ", max_size=30))
def test_a_converted_host_is_ascii_and_stays_as_it_is(typed):
    try:
        host = a_labels(typed)
    except ValueError:
        return

    assert host.isascii()
    assert a_labels(host) == host


def test_every_host_in_the_environment_is_the_one_that_was_typed():
    settings = from_environment(
        {
            "CANDOR_SECRET": "s" * 40,
            "CANDOR_PUBLIC_URL": "https://straße.example",
            "CANDOR_CORS_ORIGINS": "https://straße.example, https://shop.example",
            "CANDOR_JWKS_URL": "https://straße.example/keys",
            "CANDOR_DATABASE_URL": "postgres://user:straße@straße.example:5432/straße",
            "CANDOR_REDIS_URL": "rediss://:straße@straße.example:6379/0",
            "CANDOR_MAIL_FROM": "Die Straße <info@Straße.example>",
        }
    )

    assert settings.public_url == "https://xn--strae-oqa.example"
    assert settings.cors_origins == ("https://xn--strae-oqa.example", "https://shop.example")
    assert settings.jwks_url == "https://xn--strae-oqa.example/keys"
    assert settings.database_url == "postgres://user:straße@xn--strae-oqa.example:5432/straße"
    assert settings.redis_url == "rediss://:straße@xn--strae-oqa.example:6379/0"
    sender = Sender.parse(settings.mail_from)
    assert (sender.name, sender.address) == ("Die Straße", "info@xn--strae-oqa.example")
    assert sender.domain == "xn--strae-oqa.example"


@pytest.mark.parametrize(
    "name", ["PUBLIC_URL", "CORS_ORIGINS", "JWKS_URL", "DATABASE_URL", "REDIS_URL", "SMTP_URL"]
)
def test_an_impossible_host_prevents_the_start_and_the_variable_is_named(name):
    scheme = {"DATABASE_URL": "postgres", "REDIS_URL": "redis", "SMTP_URL": "smtp"}
    url = f"{scheme.get(name, 'https')}://ex\u200dample.com"

    with pytest.raises(BadSettings, match=rf"CANDOR_{name}.*host name"):
        from_environment({"CANDOR_SECRET": "s" * 40, f"CANDOR_{name}": url})


@pytest.mark.parametrize("sender", ["Shop <info@ex\u200dample.com>", "Shop <info@a,b.example>"])
def test_a_sender_at_an_impossible_host_prevents_the_start(sender):
    with pytest.raises(BadSettings, match="CANDOR_MAIL_FROM"):
        from_environment({"CANDOR_SECRET": "s" * 40, "CANDOR_MAIL_FROM": sender})


def test_the_relay_is_the_one_that_was_typed():
    server = parse_relay("smtps://user:straße@mail.straße.example:25")

    assert (server.host, server.port) == ("mail.xn--strae-oqa.example", 25)
    assert server.password == "straße"
    # No final sigma: it would be another name.
    upper = parse_relay("smtps://ΣΟΣ.example")
    assert upper.host == SAME_NAME["ΣΟΣ.example"]
    assert parse_relay("smtp://[::1]").host == "::1"


async def test_a_customers_address_is_stored_with_the_domain_in_a_labels(feed):
    await feed(
        customer={
            "externalId": "MARIA",
            "displayName": "Maria",
            "email": "Info@straße.example",
        }
    )

    assert (await Customer.get(external_id="MARIA")).email == "Info@xn--strae-oqa.example"


async def test_the_addresses_of_a_site_are_stored_with_hosts_in_a_labels(ada):
    addresses = {
        "siteUrl": "https://straße.example",
        "promoterShareUrl": "https://straße.example/share",
        "reviewUrlTemplate": "https://straße.example/r/{token}",
        "updateUrlTemplate": "https://straße.example/u/{token}",
    }
    names = " ".join(addresses)

    payload = await ada.do("updateSettings", f"settings {{ {names} }}", **addresses)

    assert payload["errors"] == []
    assert payload["settings"] == {
        name: url.replace("straße", "xn--strae-oqa") for name, url in addresses.items()
    }


@pytest.mark.parametrize("name", ["siteUrl", "promoterShareUrl", "reviewUrlTemplate"])
async def test_an_address_of_the_site_with_an_impossible_host_is_refused(ada, stored, name):
    before = await stored()

    payload = await ada.do("updateSettings", **{name: "https://ex\u200dample.com/{token}"})

    assert [error["code"] for error in payload["errors"]] == ["INVALID"]
    assert await stored() == before
