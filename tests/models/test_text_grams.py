"""Grams as numbers, and lists of numbers as bytes."""

import random

import pytest

from models.text_grams import (
    PER_CHUNK,
    decoded,
    encoded,
    grams_in,
    grams_of_words,
    number_of,
    range_of,
)


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 5_000, 65_536])
def test_numbers_come_back_as_they_were(count):
    numbers = sorted(random.Random(count).sample(range(65_536), count))

    assert list(decoded(encoded(numbers))) == numbers


@pytest.mark.parametrize("text", ["", "a", "ab", "abc", "Straße 🙂 \u10ffff", "漢字とかな"])
def test_each_part_of_a_text_is_in_its_grams(text):
    numbers = {number_of(gram) for gram in grams_in(text)}

    assert all(0 <= number < PER_CHUNK for number in numbers)
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            part = text[start:end]
            beginning = range_of(part)
            if beginning is None:
                assert numbers.issuperset(grams_of_words(part, 8))
            else:
                assert any(beginning[0] <= number < beginning[1] for number in numbers)


def test_of_many_grams_some_are_looked_up_from_the_whole_text():
    grams = grams_of_words("abcdefghijklmnopqrstuvwxyz", 8)

    assert len(grams) <= 8
    assert number_of("abc") in grams
    assert any(number_of(late) in grams for late in ("uvw", "vwx", "wxy", "xyz"))
