import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candor.pages import languages
from mailers.letters import translations
from mailers.letters.signed_links import Claim, Purpose, sign
from models import Customer, Order
from models.language import language_tag

TAGS = {
    "de": "de",
    "EN-us": "en-US",
    "de_DE": "de-DE",
    "de_DE_formal": "de-DE-x-formal",
    "nl_NL_formal": "nl-NL-x-formal",
    "de_CH_informal": "de-CH-x-informal",
    "pt_BR": "pt-BR",
    "pt_PT_ao90": "pt-PT-ao1990",
    "zh-Hant-TW": "zh-Hant-TW",
    "zh_CN_#Hans": "zh-Hans-CN",
    "sr__#Latn": "sr-Latn",
    "zh-cmn-Hans-CN": "zh-Hans-CN",
    "zh-yue-HK": "yue-HK",
    "es-419": "es-419",
    "iw": "he",
    "in_ID": "id-ID",
    "deu": "de",
    "eng": "en",
    "bel": "be",
    "sh": "sr-Latn",
    "sh-Cyrl": "sr-Cyrl",
    "cnr": "sr-ME",
    "en_US.UTF-8": "en-US",
    "sr@latin": "sr-Latn",
    "sr_RS.UTF-8@latin": "sr-Latn-RS",
    "ca_ES@valencia": "ca-ES-valencia",
    "be_BY@tarask": "be-BY-tarask",
    "de_DE@euro": "de-DE",
    "de@collation=phonebook": "de",
    "de-1996": "de-1996",
    "en-US-u-ca-buddhist": "en-US-u-ca-buddhist",
    " de-AT ": "de-AT",
    "de-": "de",
    "de-Latn-DE-1996-u-co-phonebk-x-formal": "de-Latn-DE-1996-u-co-phonebk",
}

NONE = [
    *("german", "Deutsch", "C", "C.UTF-8", "POSIX", "root", "und", "mul", "zxx", "xx"),
    *("de;DROP", "de,en", "de at", "de_XX_YY", "i-klingon", "x-private", "d", "日本語", "dé"),
    *("", " ", "-", "@latin", ".UTF-8", "de" * 500, "../de", "de\u202e", "de\x00", "\ud800"),
]


@pytest.mark.parametrize("typed", TAGS)
def test_a_locale_becomes_a_clean_tag(typed):
    assert language_tag(typed) == TAGS[typed]


@pytest.mark.parametrize("typed", TAGS)
def test_a_clean_tag_stays_as_it_is(typed):
    assert language_tag(TAGS[typed]) == TAGS[typed]


@pytest.mark.parametrize("typed", NONE)
def test_text_that_names_no_language_is_refused(typed):
    with pytest.raises(ValueError, match="language tag"):
        language_tag(typed)


@given(st.text(max_size=40) | st.lists(st.text("adex1@._-#", max_size=9)).map("-".join))
def test_an_accepted_tag_is_short_and_ascii_and_stays_as_it_is(typed):
    try:
        tag = language_tag(typed)
    except ValueError:
        return

    assert len(tag) <= 35
    assert re.fullmatch("[A-Za-z0-9]+(-[A-Za-z0-9]+)*", tag)
    assert language_tag(tag) == tag


@pytest.mark.parametrize("typed", ["de_DE_formal", "de-DE.UTF-8", "deu", "ger", "DE@euro", "de_AT"])
def test_every_spelling_falls_back_to_a_language_that_we_have(typed):
    assert translations.spoken(typed) == "de"


@pytest.mark.parametrize("typed", ["german", "enm", "deutsch", "den", None, "fr_FR", "de;DROP"])
def test_the_default_is_english(typed):
    assert translations.spoken(typed) == "en"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("deu, en;q=0.5", "de"),
        ("enm, de;q=0.5", "de"),
        ("eng, de", "en"),
        ("de;Q=0.1, en;q=0.9", "en"),
        ("en;Q=0.1, de;q=0.9", "de"),
    ],
)
async def test_a_browser_may_spell_languages_in_any_way(header, language, feed, client, settings):
    await feed("ORDER-1")
    claim = Claim(Purpose.REVIEW, (await Order.get(external_id="ORDER-1")).id, 1)
    path = f"/r/{sign(settings.secret, claim)}"

    response = await client.get(path, headers={"Accept-Language": header})

    assert response.headers["content-language"] == language


async def test_a_stored_locale_of_any_spelling_decides_the_language_of_a_page(
    feed, client, settings
):
    await feed("ORDER-1")
    claim = Claim(Purpose.REVIEW, (await Order.get(external_id="ORDER-1")).id, 1)
    path = f"/r/{sign(settings.secret, claim)}"

    for stored in ("deu", "de-DE-x-formal", "de_DE.UTF-8"):
        await Customer.filter(external_id="MARIA").update(locale=stored)
        response = await client.get(path, headers={"Accept-Language": "en"})
        assert response.headers["content-language"] == "de", stored


def test_pages_have_every_language_that_mails_have():
    translated = {path.stem for path in languages.FOLDER.glob("*.po")}

    assert {translations.SOURCE, *translated} == set(translations.languages())
