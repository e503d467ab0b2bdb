"""Substring search: words as typed, without wildcards.

The index of texts finds which reviews may have the words; the text itself decides.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from models import sql
from models.folding import fold
from models.search_chunk import ChunkState
from models.text_grams import PER_CHUNK, decoded, grams_of_words, range_of
from models.text_indexing import SEARCHED_TEXT, SMALL, as_number, listed
from resolvers import user_text
from resolvers.errors import Invalid
from resolvers.viewer import Condition

MAX_SEARCH = 200
# Beyond so many, or if one review in so many has the words, a list is read in its order instead:
# its page is soon full.
MAX_CANDIDATES, ONE_IN = 20_000, 200
# Texts that tell how many of those with the words' grams have the words.
_TRIED = 100
# More wait only after an import or a migration, until they are indexed.
MAX_WAITING = 10 * SMALL
# Grams of the words that are looked up, and how many of these, the rarest, are compared.
_LOOKED_UP, _COMPARED = 8, 3
# Of the grams that begin with one or two characters, the most frequent tell enough of a chunk.
_SAMPLED = 20
_READY = f"state = '{ChunkState.READY.value}'"
_NEWEST = f"{_READY} AND first_number = (SELECT MAX(first_number) FROM search_chunk WHERE {_READY})"


class Candidates(NamedTuple):
    """A few reviews `r`, among which are all that have some words."""

    tables: str
    values: tuple[str | int, ...]

    def narrowed(self, where: Condition) -> Condition:
        """The condition of a list of `tables`, with the values of both."""
        return Condition(f"r.id = found.review_id AND {where.text}", (*self.values, *where.values))


def holds(column: str, search: str) -> Condition:
    """The condition that a folded column contains the words. Raises Invalid if too long."""
    position = "strpos" if sql.is_postgres() else "instr"
    return Condition(f"{position}({column}, ?) > 0", (_folded(search),))


def reviews_hold(search: str) -> Condition:
    """The condition that a review `r` contains the words. Raises Invalid if too long."""
    return holds(SEARCHED_TEXT, search)


async def candidates(search: str) -> Candidates | None:
    """Reviews among which are all with the words, if these are few; else None.

    Raises Invalid if the words are too long.
    """
    words = _folded(search)
    if not words:
        return None
    newest = await _look_up(words, _NEWEST, at_most=_SAMPLED)
    waiting, indexed = newest[0]["waiting"] or 0, newest[0]["indexed"] or 0
    if waiting > MAX_WAITING or await _are_frequent(words, newest):
        return None
    numbers = _numbers(await _look_up(words, _READY)) if indexed else []
    if len(numbers) > MAX_CANDIDATES:
        return None
    return _reviews_with(numbers, indexed)


def _reviews_with(numbers: Sequence[int], indexed: int) -> Candidates:
    """Reviews with these numbers, those numbered since, which waited then, and those that wait."""
    found = (
        f"SELECT e.review_id FROM {listed('given')}"
        f" JOIN search_entry e ON e.number = {as_number('given.value')}"
        " UNION SELECT review_id FROM search_entry WHERE number BETWEEN ? AND ?"
        " UNION SELECT review_id FROM search_waiting"
    )
    # Either database might read all reviews instead, and look for each of them in `found`.
    its_review = (
        "LATERAL (SELECT * FROM review WHERE review.id = found.review_id OFFSET 0)"
        if sql.is_postgres()
        else "review"
    )
    tables = f"({found}) found CROSS JOIN {its_review} r"
    return Candidates(tables, (json.dumps(numbers), indexed, 2**62))


def _folded(search: str) -> str:
    words = fold(user_text.plain(search))
    if len(words) > MAX_SEARCH:
        message = f"Search for {MAX_SEARCH} characters at most."
        raise Invalid("filter", "search", message=message)
    return words


async def _look_up(words: str, chunks: str, *, at_most: int | None = None) -> list[sql.Row]:
    """A row for each gram to read of the chunks with this condition; at least one row.

    Beside each, how many changes wait and where numbers end at that moment.
    """
    grams = _grams_beginning(words, chunks, at_most) or _rarest_grams(words, chunks)
    statement = (
        "SELECT s.waiting, s.indexed, x.first_number, x.size, x.needed, x.amount,"
        " (SELECT g.numbers FROM search_gram g WHERE g.gram = x.gram) AS numbers"
        " FROM (SELECT (SELECT MAX(number) - MIN(number) FROM search_waiting) AS waiting,"
        f" (SELECT MAX(first_number + size) FROM search_chunk WHERE {_READY}) AS indexed) s"
        f" LEFT JOIN ({grams.text}) x ON 0 = 0"
    )
    return await sql.fetch(statement, *grams.values)


_GRAM = "c.first_number, c.size, g.gram, g.amount"
# SQLite keeps the order of a CROSS JOIN.
_GRAMS_OF_CHUNKS = "FROM search_chunk c CROSS JOIN search_gram g WHERE"


def _grams_beginning(words: str, chunks: str, at_most: int | None) -> Condition | None:
    """The statement of all grams that begin with one or two characters, any of which will do."""
    grams = range_of(words)
    if grams is None:
        return None
    most = f" ORDER BY g.amount DESC LIMIT {at_most}" if at_most else ""
    text = (
        f"SELECT {_GRAM}, 1 AS needed {_GRAMS_OF_CHUNKS}"
        f" g.gram >= c.number * {PER_CHUNK} + ? AND g.gram < c.number * {PER_CHUNK} + ?"
        f" AND {chunks}{most}"
    )
    return Condition(text, grams)


def _rarest_grams(words: str, chunks: str) -> Condition:
    """The statement of the rarest grams of the words in each chunk that has all of them."""
    grams = grams_of_words(words, _LOOKED_UP)
    needed = min(len(grams), _COMPARED)
    of_chunk = ", ".join([f"c.number * {PER_CHUNK} + ?"] * len(grams))
    counted = (
        f"SELECT {_GRAM}, COUNT(*) OVER (PARTITION BY c.number) AS held,"
        " ROW_NUMBER() OVER (PARTITION BY c.number ORDER BY g.amount, g.gram) AS place"
        f" {_GRAMS_OF_CHUNKS} g.gram IN ({of_chunk}) AND {chunks}"
    )
    text = (
        f"SELECT x.*, {needed} AS needed FROM ({counted}) x"
        f" WHERE held = {len(grams)} AND place <= {needed}"
    )
    return Condition(text, tuple(grams))


async def _are_frequent(words: str, newest: Sequence[sql.Row]) -> bool:
    """Whether one review in ONE_IN of the newest chunk has the words, as far as a sample tells."""
    if newest[0]["size"] is None:
        return False
    enough = float(newest[0]["size"] / ONE_IN)
    if newest[0]["needed"] == 1 and any(row["amount"] > enough for row in newest):
        return True
    numbers = _numbers(newest)
    if len(numbers) <= enough:
        return False
    tried = sorted(numbers)[-_TRIED:]
    with_words = reviews_hold(words)
    (row,) = await sql.fetch(
        f"SELECT COUNT(*) AS hits FROM {listed('given')}"
        f" JOIN search_entry e ON e.number = {as_number('given.value')}"
        f" JOIN review r ON r.id = e.review_id WHERE {with_words.text}",
        json.dumps(tried),
        *with_words.values,
    )
    return float(row["hits"] / len(tried) * len(numbers)) > enough


def _numbers(rows: Sequence[sql.Row]) -> list[int]:
    """The numbers that are in all grams that their chunk needs."""
    of_chunks = defaultdict[int, list[set[int]]](list)
    for row in rows:
        if row["numbers"] is not None:
            of_chunks[row["first_number"]].append(set(decoded(row["numbers"])))
    needs_all = (rows[0]["needed"] or 1) > 1
    return [
        first + offset
        for first, offsets in of_chunks.items()
        for offset in (set.intersection(*offsets) if needs_all else set[int]().union(*offsets))
    ]
