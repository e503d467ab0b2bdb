import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from models.person_name import ANONYMOUS, greeting_name, public_name

SHOWN = {
    "Maria Souza": "Maria S.",
    "  Maria   Souza ": "Maria S.",
    "Maria": "Maria",
    "maria souza": "maria s.",
    "Maria de Souza": "Maria S.",
    "Maria D.": "Maria D.",
    "J.R.R. Tolkien": "J. T.",
    # The family name first, marked by a comma.
    "Souza, Maria": "Maria S.",
    "de Souza, Maria": "Maria S.",
    "Souza,Maria": "Maria S.",
    "Souza， Maria": "Maria S.",
    "علي، محمد": "محمد ع.",
    ", Maria": "Maria",
    "Souza,": ANONYMOUS,
    "Souza, ": ANONYMOUS,
    # Titles and suffixes.
    "Dr. Maria Souza": "Maria S.",
    "Prof. Dr. Maria Souza": "Maria S.",
    "Maria Souza Jr.": "Maria S.",
    "Maria Souza, Jr.": "Maria S.",
    "Maria Souza, Ph.D.": "Maria S.",
    "Souza, Dr. Maria": "Maria S.",
    "Souza, Jr., Maria": "Maria S.",
    "Herr Müller": ANONYMOUS,
    "Dr. Souza": ANONYMOUS,
    "Mrs Smith": ANONYMOUS,
    "Souza, Jr.": ANONYMOUS,
    "Dr.": ANONYMOUS,
    # The family name comes first, without a blank or comma to mark it.
    "山田 太郎": ANONYMOUS,
    "太郎 山田": ANONYMOUS,
    "山田太郎": ANONYMOUS,
    "Yamada 太郎": ANONYMOUS,
    "王小明": ANONYMOUS,
    "김민준": ANONYMOUS,
    "김 민준": ANONYMOUS,
    "やまだ たろう": ANONYMOUS,
    "マリア・ソウザ": ANONYMOUS,
    "ﾏﾘｱ ｿｳｻﾞ": ANONYMOUS,
    "សុខ សុភា": ANONYMOUS,
    # An initial is a letter: a whole grapheme, never a symbol.
    "Maria 👩\u200d💻": "Maria",
    "Maria Souza 👩\u200d💻": "Maria S.",
    "😀Maria 😀Souza": "Maria S.",
    "Maria 85": "Maria",
    "Maria #1": "Maria",
    'Maria "Souza"': "Maria S.",
    '"Maria" Souza': "Maria S.",
    "„Maria“ «Souza»": "Maria S.",
    "Maria -Souza": "Maria S.",
    "O'Brien": "O'Brien",
    "O'Brien \u200b": "O'Brien",
    "\ufeffMaria \u2060": "Maria",
    "Maria O’Brien": "Maria O.",
    "Anna-Lena Müller-Lüdenscheid": "Anna-Lena M.",
    "Jose\u0301 A\u0301lvarez": "José Á.",
    "Maria क्षत्रिय": "Maria क्ष.",
    "สมชาย ใจดี": "สมชาย ใจ.",
    "محمد علي": "محمد ع.",
    "علی\u200cرضا کریمی": "علی\u200cرضا ک.",
    "יעל כהן": "יעל כ.",
    # Not a name.
    "": ANONYMOUS,
    " \u200b ": ANONYMOUS,
    "4711": ANONYMOUS,
    "+49 170 1234567": ANONYMOUS,
    "٤٧١١": ANONYMOUS,
    "👩\u200d💻": ANONYMOUS,
    "...": ANONYMOUS,
    "[deleted]": ANONYMOUS,
    "[deleted": ANONYMOUS,
    "(guest)": ANONYMOUS,
    "<removed>": ANONYMOUS,
    "【退会】": ANONYMOUS,
    "null null": ANONYMOUS,
    "Guest": ANONYMOUS,
    "undefined": ANONYMOUS,
    "maria@example.com": ANONYMOUS,
    "Maria maria@example.com": ANONYMOUS,
    # Brackets and their contents.
    "Maria (Mia) Souza": "Maria S.",
    "Maria Souza (ACME)": "Maria S.",
    "Maria (maria@example.com)": "Maria",
    "Maria (((Mia)": "Maria",
    "<b>Maria</b> Souza": "Maria S.",
    "Guest, Christopher": "Christopher G.",
    # A name never becomes a link.
    "https://evil.example/x": "https x.",
}

GREETED = {
    "Maria Souza": "Maria Souza",
    "Souza, Maria": "Maria Souza",
    "Dr. Maria Souza": "Dr. Maria Souza",
    "Maria Souza, Jr.": "Maria Souza Jr.",
    "Souza,": "Souza",
    "山田 太郎": "山田 太郎",
    "Maria (Mia) Souza": "Maria Souza",
    "O'Brien": "O'Brien",
}


@pytest.mark.parametrize("name", SHOWN)
def test_strangers_read_a_first_name_and_an_initial_at_most(name):
    assert public_name(name) == SHOWN[name]


@pytest.mark.parametrize("name", GREETED)
def test_a_person_is_greeted_by_the_whole_name(name):
    assert greeting_name(name) == GREETED[name]


@pytest.mark.parametrize("name", [name for name, shown in SHOWN.items() if shown == ANONYMOUS])
def test_nobody_is_greeted_by_something_that_is_not_a_name(name):
    assert greeting_name(name) == "" or any(
        character.isalpha() for character in greeting_name(name)
    )
    assert "@" not in greeting_name(name)


@given(st.text(max_size=30) | st.text("Aé\u0301 ,.-'\"()[]<@>4山ใ👩\u200d💻", max_size=30))
def test_any_public_name_begins_with_a_letter_or_digit_and_hides_the_rest(name):
    shown = public_name(name)

    assert shown
    assert unicodedata.is_normalized("NFC", shown)
    assert regex.match(r"[\p{L}\p{M}\p{N}]", shown)
    assert regex.search(r"\p{L}", shown)
    assert not set(shown) & set('@()[]<>",')
    first, blank, initial = shown.partition(" ")
    if blank:
        assert initial.endswith(".")
        assert len(regex.findall(r"\X", initial.removesuffix("."))) <= 2
    assert first
