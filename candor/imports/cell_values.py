"""The values of single cells. Each raises Invalid with the field's name."""

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from candor.imports import dates
from resolvers.errors import Invalid
from resolvers.order_facts import KEEP, Keep

_YES, _NO = {"yes", "y", "true", "t", "1"}, {"no", "n", "false", "f", "0", ""}
# 5, 5.0, 5/5.
_NUMBER = re.compile(r"(\d{1,3})(?:\.0+)?(?: ?/ ?5(?:\.0+)?)?")
_FILLED, _EMPTY = "★⭐", "☆"
_SYMBOLS = re.compile(f"([{_FILLED}]{{1,5}})({_EMPTY}*)")
# Asks for a symbol in colours.
_VARIATION = "\ufe0f"


def or_keep(cell: str | None) -> str | Keep:
    return cell or KEEP


def one_of(kind: Any, name: str, cell: str) -> Any:
    try:
        return kind[cell.strip().upper().replace(" ", "_").replace("-", "_")]
    except KeyError:
        choices = ", ".join(each.value for each in kind)
        raise Invalid(
            name, message=f"{cell!r} is none of {choices}; translate with --value."
        ) from None


def whether(name: str, cell: str | None) -> bool | None:
    """Yes or no; an empty cell is a no. None if the file has no such column."""
    if cell is None:
        return None
    word = cell.strip().lower()
    if word not in {*_YES, *_NO}:
        raise Invalid(name, message=f"{cell!r} is neither yes nor no; translate with --value.")
    return word in _YES


def stars(name: str, cell: str) -> int | None:
    """A whole number, also as `5.0`, `5/5` or `★★★★☆`; None for an empty cell."""
    text = cell.strip().replace(_VARIATION, "")
    if not text:
        return None
    if number := _NUMBER.fullmatch(text):
        return int(number[1])
    symbols = _SYMBOLS.fullmatch(text)
    if symbols and (not symbols[2] or len(text) == 5):
        return len(symbols[1])
    raise Invalid(name, message=f"{cell!r} is no whole number of stars.")


def instant(name: str, cell: str, zone: tzinfo, formats: Sequence[str]) -> datetime:
    try:
        return dates.instant(cell, zone, formats)
    except ValueError as error:
        raise Invalid(name, message=str(error)) from None
