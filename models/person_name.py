"""Names of people: the short form that strangers may read, and the form for greetings.

The given name and the family name come as one text. Where they cannot be told apart, less is shown.
"""

import re
from functools import lru_cache
from unicodedata import category, normalize

import regex

ANONYMOUS = "Customer"

# Letters, marks and digits, and punctuation inside words. No quotes, blanks, symbols or emoji.
_WORD = regex.compile(r"(?:[\p{L}\p{M}\p{N}]|(?<=[\p{L}\p{M}])[-‐'’ʼ·\u200c\u200d](?=\p{L}))+")
_LETTER = regex.compile(r"\p{L}")
# A whole grapheme: a letter with its marks. Thai and Lao write some vowels before it.
_INITIAL = regex.compile(r"\p{Logical_Order_Exception}?(?=\p{L})\X")
_BRACKET = regex.compile(r"[\p{Ps}\p{Pe}<>]")
_PHD = regex.compile(r"(?i)\bph\.\s*d\b")
_COMMA = regex.compile(r"[,،，]")
# Scripts that put the family name first, or no blank between the names.
_FAMILY_FIRST = regex.compile(
    r"[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}"
    r"\p{Script=Bopomofo}\p{Script=Yi}\p{Script=Khmer}]"
)
_LOW_QUOTES = {"„", "‚"}
_TITLES = {"dr", "dra", "prof", "profa", "mr", "mrs", "ms", "miss", "mx"}
_TITLES |= {"herr", "frau", "sr", "sra", "srta", "mme", "mlle"}
_SUFFIXES = {"jr", "sr", "ii", "iii", "iv", "phd", "md", "esq", "mba"}
_NOBODY = {"anonymous", "deleted", "guest", "none", "null", "undefined", "unknown"}
# A fast path for most names: a tenth of the time.
_SIMPLE = re.compile("([A-Z][a-z]+) ([A-Z])[a-z]+")
_SPECIAL = _TITLES | _SUFFIXES | _NOBODY


@lru_cache(maxsize=16384)
def public_name(name: str) -> str:
    """ "Maria Souza" and "Souza, Maria" become "Maria S.": what strangers may read of a name.

    A single word is shown whole, unless a title marks it as a family name. An address, a name
    without letters, and a name in a script that puts the family name first become "Customer".
    """
    if (match := _SIMPLE.fullmatch(name)) and not _SPECIAL.intersection(name.casefold().split()):
        return f"{match[1]} {match[2]}."
    given, family = _given_and_family(name)
    if not given:
        return ANONYMOUS
    if not family:
        return given[0]
    first = f"{given[0]}." if _INITIAL.fullmatch(given[0]) else given[0]
    return f"{first} {_INITIAL.search(family[-1])[0]}."


@lru_cache(maxsize=4096)
def greeting_name(name: str) -> str:
    """The whole name, given name first, for a greeting; empty if it is not a name."""
    plain = _plain(name)
    if _is_nobody(plain):
        return ""
    parts = [part for part in _COMMA.split(plain) if _words(part)]
    if len(parts) == 2 and all(_without_titles(_words(part)) for part in parts):
        parts.reverse()
    return " ".join(" ".join(parts).split())


def _given_and_family(name: str) -> tuple[list[str], list[str]]:
    """The words of the given name and of the family name; empty where they must not be shown."""
    plain = _plain(name)
    if _is_nobody(plain) or _FAMILY_FIRST.search(plain):
        return [], []
    before, *after = [_words(part) for part in _COMMA.split(plain)]
    # "Maria Souza, PhD" is in the usual order.
    given = [part for part in after if _without_titles(part) or not part]
    if given:
        return _without_titles(given[0]), _without_titles(before)
    words = _without_titles(before)
    if len(words) == 1 and (len(before) > 1 or after):
        return [], []
    return words[:1], words[1:]


def _plain(name: str) -> str:
    return str(_PHD.sub("PhD", _outside_of_brackets(normalize("NFC", name))))


def _is_nobody(plain: str) -> bool:
    words = _words(plain)
    return "@" in plain or all(word.casefold() in _NOBODY for word in words)


def _words(text: str) -> list[str]:
    """The words that have a letter."""
    return [word for word in _WORD.findall(text) if _LETTER.search(word)]


def _without_titles(words: list[str]) -> list[str]:
    first, last = 0, len(words)
    while first < last and words[first].casefold() in _TITLES:
        first += 1
    while last > first and words[last - 1].casefold() in _SUFFIXES:
        last -= 1
    return words[first:last]


def _outside_of_brackets(text: str) -> str:
    """The text without its bracketed parts; an unclosed bracket cuts off the rest."""
    if not _BRACKET.search(text):
        return text
    kept, depth = [], 0
    for character in text:
        kind = category(character)
        if character == "<" or (kind == "Ps" and character not in _LOW_QUOTES):
            depth += 1
        elif character == ">" or kind == "Pe":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(character)
            continue
        kept.append(" ")
    return "".join(kept)
