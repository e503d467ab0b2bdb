"""Substring search: words as typed, without wildcards.

The index finds which reviews may have the words; their texts decide.
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
MAX_CANDIDATES, ONE_IN = 5_000, 200
# More reviews wait only after an import or a migration, until they are indexed.
MAX_WAITING = 10 * SMALL
# Grams of the words that are looked up, and how many of these, the rarest, are compared.
_LOOKED_UP, _COMPARED = 8, 3
_NEWEST = "{ready} AND c.first_number = (SELECT MAX(first_number) FROM search_chunk WHERE {ready})"


class Candidates(NamedTuple):
    """Reviews `r` among which all are that have some words."""

    tables: str
    values: tuple[str | int, ...]

    def narrowed(self, where: Condition) -> Condition:
        """The condition of a list of `tables`."""
        text = where.text if sql.is_postgres() else f"r.id = found.review_id AND {where.text}"
        return Condition(text, (*self.values, *where.values))


def holds(column: str, search: str) -> Condition:
    """The condition that a folded column contains the words. Raises Invalid if too long."""
    position = "strpos" if sql.is_postgres() else "instr"
    return Condition(f"{position}({column}, ?) > 0", (_folded(search),))


def reviews_hold(search: str) -> Condition:
    """The condition that a review `r` contains the words. Raises Invalid if too long."""
    return holds(SEARCHED_TEXT, search)


async def candidates(search: str) -> Candidates | None:
    """Few reviews among which are all with the words; None if there may be many.

    Raises Invalid if too long.
    """
    words = _folded(search)
    if not words:
        return None
    newest = await _look_up(words, _NEWEST)
    waiting, indexed = newest[0]["waiting"] or 0, newest[0]["indexed"] or 0
    sample = _numbers(newest)
    if waiting > MAX_WAITING or len(sample) * ONE_IN > (newest[0]["size"] or SMALL):
        return None
    numbers = _numbers(await _look_up(words, "{ready}")) if indexed else []
    if len(numbers) > MAX_CANDIDATES:
        return None
    # What is indexed only after this may have been waiting before.
    found = (
        f"SELECT e.review_id FROM {listed('given')} JOIN search_entry e"
        f" ON e.number = {as_number('given.value')} UNION SELECT review_id FROM search_entry"
        f" WHERE number BETWEEN ? AND ? UNION SELECT review_id FROM search_waiting"
    )
    # The reviews are read first, and then sorted, never the other way round.
    tables = f"({found}) found CROSS JOIN review r"
    if sql.is_postgres():
        tables = (
            f"(SELECT r.* FROM ({found}) found JOIN review r ON r.id = found.review_id OFFSET 0) r"
        )
    return Candidates(tables, (json.dumps(numbers), indexed, 2**62))


def _folded(search: str) -> str:
    words = fold(user_text.plain(search))
    if len(words) > MAX_SEARCH:
        message = f"Search for {MAX_SEARCH} characters at most."
        raise Invalid("filter", "search", message=message)
    return words


async def _look_up(words: str, chunks: str) -> list[sql.Row]:
    """How many reviews wait and where numbers end, beside the rarest grams of each chunk.

    A chunk without one of the grams is left out; one row has no chunk if there is none.
    """
    ready = f"state = '{ChunkState.READY.value}'"
    of_chunk, values = _grams(words)
    statement = (
        "SELECT s.waiting, s.indexed, x.first_number, x.size, x.needed,"
        " (SELECT g.numbers FROM search_gram g WHERE g.gram = x.gram) AS numbers"
        " FROM (SELECT (SELECT MAX(number) - MIN(number) FROM search_waiting) AS waiting,"
        f" (SELECT MAX(first_number + size) FROM search_chunk WHERE {ready}) AS indexed) s"
        f" LEFT JOIN ({of_chunk.format(chunks=chunks.format(ready=ready))}) x ON 0 = 0"
    )
    return await sql.fetch(statement, *values)


def _grams(words: str) -> tuple[str, Sequence[int]]:
    """The statement of the grams to read, with a place for the condition on chunks."""
    tables = (
        "SELECT c.first_number, c.size, g.gram, {needed} FROM search_chunk c JOIN search_gram g ON"
    )
    range_ = range_of(words)
    if range_ is not None:
        # Any gram that begins with one or two characters will do.
        within = f"g.gram >= c.number * {PER_CHUNK} + ? AND g.gram < c.number * {PER_CHUNK} + ?"
        return f"{tables.format(needed='1 AS needed')} {within} WHERE {{chunks}}", range_
    grams = grams_of_words(words, _LOOKED_UP)
    of_chunk = ", ".join([f"c.number * {PER_CHUNK} + ?"] * len(grams))
    needed = min(len(grams), _COMPARED)
    counted = (
        f"{needed} AS needed, COUNT(*) OVER (PARTITION BY c.number) AS held,"
        " ROW_NUMBER() OVER (PARTITION BY c.number ORDER BY g.amount, g.gram) AS place"
    )
    return (
        f"SELECT * FROM ({tables.format(needed=counted)} g.gram IN ({of_chunk}) WHERE {{chunks}}) x"
        f" WHERE held = {len(grams)} AND place <= {needed}",
        grams,
    )


def _numbers(rows: Sequence[sql.Row]) -> list[int]:
    """The numbers that are in all grams that their chunk needs."""
    by_chunk = defaultdict[int, list[set[int]]](list)
    for row in rows:
        if row["numbers"] is not None:
            by_chunk[row["first_number"]].append(set(decoded(row["numbers"])))
    found = list[int]()
    needs_all = bool(rows) and (rows[0]["needed"] or 1) > 1
    for first, sets in by_chunk.items():
        offsets = set.intersection(*sets) if needs_all else set[int]().union(*sets)
        found += (first + offset for offset in offsets)
    return found
