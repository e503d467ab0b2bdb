"""Languages of people, as shops, frameworks and operating systems spell them."""

import re
from functools import cache, lru_cache

from babel import Locale
from babel.core import get_global

_LONGEST, _LONGEST_GIVEN = 35, 200
# BCP 47, in lower case: language, script, region, variants, extensions and private use.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-(?P<narrower>[a-z]{3}))?"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<more>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?)"
)
# What POSIX says after an @ and is part of the language; the rest is about money or sorting.
_MODIFIERS = {
    "latin": "latn",
    "iqtelif": "latn",
    "cyrillic": "cyrl",
    "devanagari": "deva",
    "valencia": "valencia",
    "tarask": "tarask",
}
# WordPress tells how its readers are addressed, and the spelling of Portuguese.
_VARIANTS = {"formal": "x-formal", "informal": "x-informal", "ao90": "ao1990"}
_NO_LANGUAGE = {"mis", "mul", "root", "und", "zxx"}


@lru_cache(maxsize=1024)
def language_tag(given: str) -> str:
    """The BCP 47 tag, 35 characters at most, of a language in one of the world's spellings.

    `de_DE`, `de_DE_formal`, `en_US.UTF-8`, `sr@latin`, `zh_CN_#Hans`, `iw`. Raises ValueError with
    a sentence for what names no language that is known.
    """
    found = _TAG.fullmatch(_in_order(given.strip())) if len(given) <= _LONGEST_GIVEN else None
    if found is None or found["language"] not in _languages():
        raise ValueError("Give a language tag such as en or de-AT.")
    narrower = found["narrower"] in _languages()
    name = found["narrower"] if narrower else found["language"]
    language, *implied = get_global("language_aliases").get(name, name).split("_")
    script = found["script"] or next((part for part in implied if len(part) == len("Latn")), "")
    region = found["region"] or next((part for part in implied if len(part) == len("RS")), "")
    subtags = filter(None, (language, script.title(), region.upper()))
    return _short("-".join(subtags) + found["more"])


def _in_order(given: str) -> str:
    """In lower case, with hyphens, without what is no language, and the script where it belongs."""
    name, _, modifier = given.lower().partition("@")
    name = name.partition(".")[0].replace("#", "")
    language, *others = [part for part in re.split("[-_]", name) if part] or [""]
    if modifier in _MODIFIERS:
        others.append(_MODIFIERS[modifier])
    if others and "x" not in others:
        others[-1] = _VARIANTS.get(others[-1], others[-1])
    end = next((at for at, part in enumerate(others) if len(part) == 1), len(others))
    core = sorted(others[:end], key=_place)
    return "-".join([language, *core, *others[end:]])


def _place(subtag: str) -> int:
    """A narrower language comes first, then a script; Java and POSIX name scripts at the end."""
    if not subtag.isalpha():
        return 2
    return {3: 0, 4: 1}.get(len(subtag), 2)


def _short(tag: str) -> str:
    """The tag without its last subtags, as RFC 4647 shortens one, until it fits."""
    subtags = tag.split("-")
    while len("-".join(subtags)) > _LONGEST or len(subtags[-1]) == 1:
        subtags.pop()
    return "-".join(subtags)


@cache
def _languages() -> frozenset[str]:
    """Every language that Unicode's CLDR knows by two or three letters."""
    known = {*get_global("likely_subtags"), *get_global("language_aliases")}
    return frozenset(known | set(Locale("en").languages)) - _NO_LANGUAGE
