"""Grams: three characters in a row, as numbers, and lists of numbers as bytes.

A gram has 39 bits, 13 for each character, so that all grams that begin alike are a range.
Characters that share 13 bits only add candidates: in the end the text itself decides.
"""

import struct
import zlib
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

_BITS, _MODULUS, _LENGTH = 13, 8191, 3
PER_CHUNK = 1 << _BITS * _LENGTH
# Follows each text, so that its last characters begin grams, too. No text has it.
_END = "\x01" * (_LENGTH - 1)
# Shorter lists are longer when compressed.
_PLAIN = 32


def grams_in(text: str) -> set[str]:
    """The different grams of a text."""
    ended = text + _END
    return {ended[at : at + _LENGTH] for at in range(len(text))}


def number_of(gram: str) -> int:
    number = 0
    for character in gram:
        number = number << _BITS | ord(character) % _MODULUS
    return number


def grams_of_words(words: str, at_most: int) -> list[int]:
    """Grams that every text with these words has, at most so many, spread over the words."""
    grams = [words[at : at + _LENGTH] for at in range(len(words) - _LENGTH + 1)]
    step = -(-len(grams) // at_most) or 1
    return sorted({number_of(gram) for gram in grams[::step]})


def range_of(start: str) -> tuple[int, int] | None:
    """The first gram that begins so, and the first one after these; None if it is a whole gram."""
    rest = _BITS * (_LENGTH - len(start))
    if rest <= 0:
        return None
    number = number_of(start)
    return number << rest, (number + 1) << rest


def encoded(numbers: Sequence[int]) -> bytes:
    """Ascending numbers below 65,536, by their differences."""
    differences = [numbers[0], *(after - before for before, after in pairwise(numbers))]
    packed = struct.pack(f"<{len(differences)}H", *differences)
    return b"\0" + packed if len(differences) < _PLAIN else b"\1" + zlib.compress(packed, 1)


def decoded(octets: bytes) -> Iterable[int]:
    """The numbers of `encoded`."""
    packed = zlib.decompress(octets[1:]) if octets[0] else octets[1:]
    return accumulate(struct.unpack(f"<{len(packed) // 2}H", packed))
