import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2.ext import babel_extract

import mailers
from mailers.catalogue import CATALOGUE, MESSAGES
from mailers.letters import translations
from mailers.letters.examples import CASES, Case, example, example_site
from mailers.letters.registry import MAILERS
from mailers.letters.rendering import folder
from mailers.letters.sentences import STARS_IN_WORDS
from mailers.mail import Person
from mailers.plain_text import excerpt, harmless, one_line, quoted
from mailers.worker.previews import in_scheme, page, preview, write_previews

TEMPLATES = Path(mailers.__file__).parent / "letters" / "templates"
EVERY_VARIANT = [
    (kind, language, case) for kind in CATALOGUE for language in ("en", "de") for case in CASES
]
TAGS = {
    "table",
    "tr",
    "td",
    *[
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "div",
        "p",
        "h1",
        "a",
        "span",
        "br",
        "bdi",
        "blockquote",
    ],
}
BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Page(HTMLParser):
    """The tags, links and attributes of a mail."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.links, self.attributes = set(), [], set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        self.links += [value for name, value in attrs if name in {"href", "src"}]


@pytest.fixture(autouse=True)
def opened_models(store_free):
    """Settings are a model, which needs an initialised ORM."""


@pytest.fixture
async def store_free(tmp_path):
    from models.database import opened

    async with opened(f"sqlite://{tmp_path / 'empty.sqlite3'}"):
        yield


def test_every_mail_of_the_catalogue_has_a_folder_a_preview_and_a_mailer():
    for kind in CATALOGUE:
        names = {path.name for path in (TEMPLATES / folder(kind)).iterdir()}
        assert names == {"subject.txt", "body.txt", "body.html"}
    folders = {path.parent for path in TEMPLATES.rglob("subject.txt")}
    assert folders == {TEMPLATES / folder(kind) for kind in CATALOGUE}
    assert MAILERS.keys() == CATALOGUE.keys()


@pytest.mark.parametrize(("kind", "language", "case"), EVERY_VARIANT)
def test_every_mail_renders_and_nothing_in_it_runs_or_loads(kind, language, case, config):
    mail = preview(kind, language, case, config)

    html = Page(mail.html)
    assert html.tags <= TAGS
    assert not {name for name in html.attributes if name.startswith("on")}
    assert all(link.startswith(("https://", "mailto:support@")) for link in html.links)
    assert len(mail.html.encode()) < 30_000
    assert f'<html lang="{language}" dir="ltr">' in mail.html
    assert "\n" not in mail.subject
    assert len(mail.subject) <= 200
    for text in (mail.subject, mail.text, mail.html):
        assert not BIDI.search(text)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text)
    for link in html.links:
        assert link in mail.text


@pytest.mark.parametrize("kind", CATALOGUE)
def test_only_mails_that_ask_can_be_declined(kind, config):
    mail = preview(kind, "en", "friendly", config)

    can_be_declined = CATALOGUE[kind].category is not None
    assert (mail.unsubscribe is not None) == can_be_declined
    assert (mail.unsubscribe or "Do not send me") in mail.text or not can_be_declined


@pytest.mark.parametrize("kind", CATALOGUE)
def test_german_is_german(kind, config):
    english, german = (preview(kind, language, "friendly", config) for language in ("en", "de"))

    assert english.subject != german.subject
    assert not re.search(
        r"\b(You|you|your|Hello|the)\b", re.sub(r"https\S+|> .*|I had.*", "", german.text)
    )


def test_every_sentence_of_the_templates_is_translated():
    sentences = {*MESSAGES.values(), *STARS_IN_WORDS.values()}
    for path in TEMPLATES.rglob("*.*"):
        with path.open("rb") as file:
            options = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true"}
            sentences |= {message[2] for message in babel_extract(file, ("gettext",), [], options)}

    catalogue = translations._catalogue("de")
    assert catalogue.keys() == sentences
    for english, german in catalogue.items():
        assert set(re.findall(r"%\(\w+\)s", english)) == set(re.findall(r"%\(\w+\)s", german))


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("de_CH", "de"),
        ("DE", "de"),
        ("fr", "en"),
        (None, "en"),
        ("", "en"),
        ("x" * 99, "en"),
        ("../de", "en"),
    ],
)
def test_a_mail_is_in_the_recipients_language_or_in_english(locale, language):
    assert translations.spoken(locale) == language


def test_the_direction_follows_the_language():
    assert [translations.direction(name) for name in ("en", "ar", "he", "nonsense")] == [
        "ltr",
        "rtl",
        "rtl",
        "ltr",
    ]


hostile = st.text(max_size=200) | st.lists(
    st.sampled_from(
        [
            "</style>",
            "<script>",
            "{{ 7*7 }}",
            "{% raw %}",
            "{site_name}",
            "\r\n",
            "\0",
            "\u202e",
            '"',
            "'",
            "&",
            "%(name)s",
            "\ud800",
            "]]>",
            "-->",
        ]
    ),
    max_size=9,
).map("".join)


@given(name=hostile, title=hostile, text=hostile)
def test_user_input_is_only_text(name, title, text):
    from mailers.configuration import MailConfig

    site = example_site(MailConfig(secret="x"))
    mail = example("review.received", Case(name, title, text), site, Person(name, "a@b.example"))

    assert Page(mail.html).tags <= TAGS
    assert not BIDI.search(mail.html + mail.text + mail.subject)
    mail.html.encode()
    mail.text.encode()


def test_a_hostile_text_is_printed_as_it_is(config):
    mail = preview("review.received", "en", "hostile", config)

    assert "{{ 7*7 }}" in mail.text
    assert "{site_name}" in mail.text
    assert "&lt;/style&gt;&lt;/blockquote&gt;&lt;script&gt;" in mail.html
    assert "<script" not in mail.html


def test_a_long_text_is_cut_and_quoted():
    assert len(excerpt("word " * 1000)) == 600
    assert excerpt("a\n\n\n\nb") == "a\n\nb"
    assert quoted("one\n\ntwo\r\nthree") == "> one\n>\n> two\n> three"
    assert one_line("a\r\n b\t c", 5) == "a b c"
    assert one_line("abcdefg", 5) == "abcd…"
    assert harmless("a\u202eb\u0000c\r\nd\ud800") == "abc\nd"


def test_previews_are_pages_that_run_nothing(config, folder):
    index = write_previews(folder, config)

    assert {path.name for path in folder.iterdir()} == {
        "index.html",
        *(f"{kind}.html" for kind in CATALOGUE),
    }
    assert "default-src 'none'" in index.read_text("utf-8")
    html = page("rating.promoter", config)
    assert html.count('<iframe sandbox=""') == 2 * 2 * len(CASES)
    assert "script" not in Page(html).tags


def test_previews_show_light_and_dark_on_any_screen(config):
    html = preview("review.replied", "en", "friendly", config).html

    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media all" in in_scheme(html, "dark")
    assert "@media not all" in in_scheme(html, "light")


def _luminance(colour):
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """By WCAG 2: 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


# In light mode by the style attributes, in dark mode by the rules of classes.
GROUNDS = {"light": ("#f4f2ed", "#ffffff", "#faf8f3"), "dark": ("#14171a", "#1f2428", "#272d32")}


def test_texts_can_be_read_on_every_ground():
    layout = (TEMPLATES / "layout.html").read_text()
    parts = (TEMPLATES / "parts.html").read_text()
    dark = dict(re.findall(r"\.(\w+) \{[^}]*?[ ;]color: (#\w{6})", layout))
    coloured = r'class="(\w+)[^"]*"[^>]*style="(?:[^"]*;)?color:(#\w{6})'
    light = {found[1]: found[2] for found in re.finditer(coloured, layout + parts)}
    for scheme, colours in (("light", light), ("dark", dark)):
        assert colours.keys() >= {"ink", "soft", "link"}
        for name in ("ink", "soft"):
            for ground in GROUNDS[scheme]:
                assert contrast(colours[name], ground) >= 4.5, (scheme, name, ground)
        assert contrast(colours["link"], GROUNDS[scheme][0]) >= 4.5
    assert contrast("#ffffff", "#1d5c4d") >= 4.5
    assert contrast("#10211c", "#7fd1b9") >= 4.5
    # The footer's own, which is soft on the page.
    footers = re.findall(r'class="soft margin" style="[^"]*color:(#\w{6})', layout)
    assert len(footers) == 2
    assert all(contrast(colour, "#f4f2ed") >= 4.5 for colour in footers)


def test_five_stars_to_choose_stand_in_one_row_however_narrow(config):
    html = preview("review.reminder", "de", "friendly", config).html

    row = re.search(r"<table[^>]*table-layout:fixed.*?</table>", html, re.DOTALL)[0]
    assert row.count("<tr>") == 1
    assert row.count("<td") == 5


def test_two_choices_are_two_buttons(config):
    html = preview("update.solved", "en", "friendly", config).html

    labels = re.findall(r"display:inline-block;padding:12px 22px;[^>]*>([^<]*)</a>", html)
    assert labels == ["Rate our help", "There is still an issue"]


@pytest.mark.parametrize("kind", CATALOGUE)
def test_what_asks_or_answers_leads_somewhere(kind, config):
    html = preview(kind, "en", "friendly", config).html

    no_button = {"review.deleted", "review.edited_by_admin"}
    assert ('class="button"' in html or 'class="choice"' in html) == (kind not in no_button)


def test_the_vendors_and_the_teams_mails_lead_to_where_they_work(config):
    def link(kind):
        found = re.search(
            r'class="button" href="([^"]*)"', preview(kind, "en", "friendly", config).html
        )
        return found[1]

    review, update = "UgGJAAAAAHAAgAAAAAAAAAE", "VQGJAAAAAHAAgAAAAAAAAAE"
    assert link("review.received") == f"https://nordlicht.example/desk/reviews/{review}"
    # Of several reviews none is meant: the token is empty.
    assert link("review.pending") == "https://nordlicht.example/desk/queue/"
    for kind in ("rating.alert", "update.assigned", "update.rated", "note.from_customer"):
        assert link(kind) == f"https://nordlicht.example/desk/updates/{update}"


def test_without_an_address_of_the_desk_there_is_no_button(config):
    site = example_site(config)
    site.settings.vendor_review_url_template = None
    site.settings.team_update_url_template = None
    to = Person("Sam", "sam@example.com", "en")

    for kind in ("rating.alert", "update.assigned", "update.opened", "reply.deleted"):
        assert 'class="button"' not in example(kind, CASES["friendly"], site, to).html


def test_nobody_is_asked_to_answer_where_nobody_reads(config):
    site = example_site(config)
    site.settings.admin_email = None
    mail = example("rating.detractor", CASES["friendly"], site, Person("M", "m@x.example", "en"))

    assert mail.reply_to is None
    assert "reply" not in mail.text.lower()
    assert "understand" not in mail.text
