"""Texts are folded as people type them."""

import pytest

from models.folding import fold


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("STRAẞE", "strasse"),
        ("ﬁne", "FINE"),
        ("ｗｉｄｅ", "wide"),
        ("c\u0327a", "ÇA"),
        ("soft\u00adhyphen", "softhyphen"),
        ("zero\u200bwidth", "zerowidth"),
        ("نمی\u200cخواهم", "نمیخواهم"),
        ("♥\ufe0f", "♥"),
        ("👩\u200d💻", "👩💻"),
    ],
)
def test_what_is_written_is_found_by_what_is_typed(written, typed):
    assert fold(written) == fold(typed)
    assert fold(fold(written)) == fold(written)


@pytest.mark.parametrize(("one", "other"), [("a b", "ab"), ("o", "ö"), ("l", "ł"), ("1", "i")])
def test_different_letters_stay_different(one, other):
    assert fold(one) != fold(other)
