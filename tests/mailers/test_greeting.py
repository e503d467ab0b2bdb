"""Mails greet people by their names, and nobody by what is none."""

import re

import pytest

from mailers.letters import translations
from mailers.letters.examples import CASES, EXAMPLES, example, example_site
from mailers.mail import Person

GREETS = {
    "review.replied",
    "review.published",
    "review.rejected",
    "review.reminder",
    "rating.promoter",
    "rating.detractor",
    "update.solved",
    "update.rating_request",
    "note.from_staff",
}
HELLO = {"en": "Hello", "de": "Hallo"}
NO_NAMES = ["", " ", "\u200b", "4711", "+49 170 1234567", "maria@example.com", "[deleted]", "👩"]


@pytest.fixture(autouse=True)
async def opened_models(store):
    """Settings are a model, which wants to be initialised."""


@pytest.fixture
def database(sqlite_database) -> str:
    return sqlite_database


def written(mail, name, language, config):
    person = Person(name, "somebody@example.com", language)
    return example(mail, CASES["friendly"], example_site(config), person)


def lines_of(letter):
    html = re.sub(r"<style.*?</style>|<[^>]+>", "\n", letter.html, flags=re.DOTALL)
    return {line.strip() for line in (*letter.text.split("\n"), *html.split("\n"))}


@pytest.mark.parametrize("language", translations.languages())
@pytest.mark.parametrize("mail", sorted(EXAMPLES))
def test_every_mail_that_greets_greets_by_name(mail, language, config):
    mail_of_maria = written(mail, "Maria Souza", language, config)

    greeting = f"{HELLO[language]} Maria Souza,"
    assert (greeting in mail_of_maria.text, greeting in mail_of_maria.html) == (
        (mail in GREETS,) * 2
    )


@pytest.mark.parametrize("language", translations.languages())
@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("mail", sorted(GREETS))
def test_nobody_is_greeted_by_what_is_no_name(mail, name, language, config):
    nameless = written(mail, name, language, config)

    plain = f"{HELLO[language]},"
    assert plain in nameless.text.split("\n")
    assert f">{plain}</p>" in nameless.html
    assert not [line for line in lines_of(nameless) if re.match(rf"{HELLO[language]} ", line)]
