"""Language tags in the spellings of shops, frameworks and operating systems."""

import re
from functools import cache, lru_cache

from babel import Locale
from babel.core import get_global

_MAX_LENGTH, _MAX_GIVEN_LENGTH = 35, 200
# BCP 47, in lower case: language, script, region, variants, extensions and private use.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<narrower>[a-z]{3}))?"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<more>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
# POSIX modifiers (after the @) that belong to the language; others concern currency or sorting.
_MODIFIERS = {
    "latin": "latn",
    "iqtelif": "latn",
    "cyrillic": "cyrl",
    "devanagari": "deva",
    "valencia": "valencia",
    "tarask": "tarask",
}
# WordPress's variants: formal or informal address, and the spelling reform of Portuguese.
_VARIANTS = {"formal": "x-formal", "informal": "x-informal", "ao90": "ao1990"}
_NO_LANGUAGE = {"mis", "mul", "root", "und", "zxx"}


@lru_cache(maxsize=1024)
def language_tag(given: str) -> str:
    """The BCP 47 tag, 35 characters at most, of a language in one of many spellings.

    `de_DE`, `de_DE_formal`, `en_US.UTF-8`, `sr@latin`, `zh_CN_#Hans`, `iw`. Raises ValueError with
    a sentence if it names no known language.
    """
    match = _TAG.fullmatch(_normalised(given.strip())) if len(given) <= _MAX_GIVEN_LENGTH else None
    if match is None or match["language"] not in _languages():
        raise ValueError("Give a language tag such as en or de-AT.")
    narrower = match["narrower"] in _languages()
    name = match["narrower"] if narrower else match["language"]
    language, *implied = get_global("language_aliases").get(name, name).split("_")
    script = match["script"] or next((part for part in implied if len(part) == len("Latn")), "")
    region = match["region"] or next((part for part in implied if len(part) == len("RS")), "")
    subtags = filter(None, (language, script.title(), region.upper()))
    return _shortened("-".join(subtags) + match["more"])


def _normalised(given: str) -> str:
    """In lower case, with hyphens, without an encoding or currency, subtags in BCP 47's order."""
    name, _, modifier = given.lower().partition("@")
    name = name.partition(".")[0].replace("#", "")
    language, *others = [part for part in re.split("[-_]", name) if part] or [""]
    if modifier in _MODIFIERS:
        others.append(_MODIFIERS[modifier])
    if others and "x" not in others:
        others[-1] = _VARIANTS.get(others[-1], others[-1])
    end = next((at for at, part in enumerate(others) if len(part) == 1), len(others))
    core = sorted(others[:end], key=_rank)
    return "-".join([language, *core, *others[end:]])


def _rank(subtag: str) -> int:
    """A narrower language comes first, then a script, which Java and POSIX put at the end."""
    if not subtag.isalpha():
        return 2
    return {3: 0, 4: 1}.get(len(subtag), 2)


def _shortened(tag: str) -> str:
    """The tag with as many of its last subtags removed as needed, by the rule of RFC 4647."""
    subtags = tag.split("-")
    while len("-".join(subtags)) > _MAX_LENGTH or len(subtags[-1]) == 1:
        subtags.pop()
    return "-".join(subtags)


@cache
def _languages() -> frozenset[str]:
    """Every language code of two or three letters in Unicode's CLDR."""
    codes = {*get_global("likely_subtags"), *get_global("language_aliases")}
    return frozenset(codes | set(Locale("en").languages)) - _NO_LANGUAGE
