"""Mails greet people by their names, but never by an address or a number."""

import re

import pytest

from mailers.catalogue import CATALOGUE
from mailers.letters import translations
from mailers.letters.examples import CASES, example, example_site
from mailers.mail import Person

GREETS = {
    "review.replied",
    "review.published",
    "review.rejected",
    "review.edit_rejected",
    "review.withdrawn",
    "review.deleted",
    "review.edited_by_admin",
    "reply.deleted",
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
    """Settings are a model, which needs an initialised ORM."""


@pytest.fixture
def database(sqlite_database) -> str:
    return sqlite_database


def example_mail(kind, name, language, config):
    person = Person(name, "somebody@example.com", language)
    return example(kind, CASES["friendly"], example_site(config), person)


def lines_of(mail):
    html = re.sub(r"<style.*?</style>|<[^>]+>", "\n", mail.html, flags=re.DOTALL)
    return {line.strip() for line in (*mail.text.split("\n"), *html.split("\n"))}


@pytest.mark.parametrize("language", translations.languages())
@pytest.mark.parametrize("kind", sorted(CATALOGUE))
def test_every_mail_that_greets_greets_by_name(kind, language, config):
    mail_of_maria = example_mail(kind, "Maria Souza", language, config)

    greeting = f"{HELLO[language]} Maria Souza,"
    assert (greeting in mail_of_maria.text, greeting in mail_of_maria.html) == (
        (kind in GREETS,) * 2
    )


@pytest.mark.parametrize("language", translations.languages())
@pytest.mark.parametrize("name", NO_NAMES)
@pytest.mark.parametrize("kind", sorted(GREETS))
def test_nobody_is_greeted_by_an_address_or_a_number(kind, name, language, config):
    nameless = example_mail(kind, name, language, config)

    plain = f"{HELLO[language]},"
    assert plain in nameless.text.split("\n")
    assert f">{plain}</p>" in nameless.html
    assert not [line for line in lines_of(nameless) if re.match(rf"{HELLO[language]} ", line)]
