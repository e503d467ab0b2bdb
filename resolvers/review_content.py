"""The author's part of a review: validation, folding for search, digest for idempotency."""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from mailers import stars_in_words
from models.folding import fold
from models.review import SEARCHED, STARS, WRITTEN, ReviewContent
from resolvers import user_text
from resolvers.errors import BodyTooLong, Invalid, RatingOutOfRange
from resolvers.ref import Ref
from resolvers.refusals import collect_refusals

__all__ = ["checked", "digest", "folded", "stars_in_words", "whole", "whole_stars"]

Content = Mapping[str, Any]


def whole(given: Content) -> dict[str, Any]:
    """Every column of WRITTEN; None for those not given."""
    return dict.fromkeys(WRITTEN) | dict(given)


def checked(given: Content, *, history: bool = False) -> dict[str, Any]:
    """The given columns as they are stored; optional texts that are blank become None.

    With `history` the body may be empty: nobody can add to old reviews.

    Raises RatingOutOfRange, BodyTooShort, BodyTooLong, Invalid (null), each with its column;
    TypeError for a name that is not in WRITTEN.
    """
    if unknown := given.keys() - set(WRITTEN):
        raise TypeError(f"The author of a review writes no {', '.join(sorted(unknown))}.")
    rules = _CHECKS | _OF_HISTORY if history else _CHECKS
    with collect_refusals() as check:
        return {
            name: check(_checked, rules[name], name, given[name])
            for name in WRITTEN
            if name in given
        }


def _checked(rule: Callable[[Any, str], Any], name: str, value: Any) -> Any:
    if name in _NULLABLE and (value is None or value == "" or str(value).isspace()):
        return None
    if value is None:
        raise Invalid(name, message="A review cannot be without it; leave it out instead.")
    return rule(value, name)


def whole_stars(value: int, name: str) -> int:
    """1 to 5. Raises RatingOutOfRange."""
    if not 1 <= value <= 5:
        raise RatingOutOfRange(name)
    return value


def _old_body(text: str, name: str) -> str:
    body = user_text.plain(text)
    if user_text.is_too_long(body):
        raise BodyTooLong(name, message=f"A review has {user_text.BODY_MAX:,} characters at most.")
    return body


_NULLABLE = {name for name in WRITTEN if ReviewContent._meta.fields_map[name].null}
_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    **dict.fromkeys(STARS, whole_stars),
    "body": user_text.body,
}
_OF_HISTORY: dict[str, Callable[[Any, str], Any]] = {"body": _old_body}


def folded(content: Content) -> str:
    """The searched texts, folded as in the column `body_folded`."""
    return fold("\n".join(content[name] for name in SEARCHED if content[name]))


# Digests are stored with idempotency keys, so their format must not change: these columns and the
# body are always included, columns added later only when given.
_ALWAYS_DIGESTED = ("rating", "communication", "quality", "value")


def digest(order: Ref, given: Content) -> str:
    """Detects that an idempotency key was reused with another input."""
    always = {name: given[name] for name in _ALWAYS_DIGESTED}
    later = {
        name: value
        for name, value in sorted(given.items())
        if value is not None and name not in {*_ALWAYS_DIGESTED, "body"}
    }
    parts = [str(order.id or order.external_id), always, given["body"], *([later] if later else [])]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
