"""The index of reviews' texts: built after the commit, a chunk of many reviews at a time.

A change of a text writes one row, into `search_waiting`, in its own transaction. What waits is
searched in the texts themselves, so no search ever misses a review. Any process may build: rows of
a chunk are written before it is READY, and only one process can take what waits.
"""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from itertools import islice

from models import clock, sql
from models.database import transaction
from models.search_chunk import ChunkState, SearchChunk
from models.text_grams import PER_CHUNK, decoded, encoded, grams_in, number_of

# The text that is searched, of a review `r`.
SEARCHED_TEXT = "r.body_folded"
# Reviews in a new chunk, and in one that replaces many of these. Numbers in it have 16 bits.
SMALL, LARGE = 2_048, 65_536
# Whoever builds has died if it takes longer.
_UNFINISHED = timedelta(hours=1)
_REWRITTEN_AT_ONCE = 4
# Seconds without a break for others, and rows written or merged at once.
_SLICE, _ROWS = 0.003, 500
_MISSING = (
    "SELECT id FROM review WHERE deleted_at IS NULL"
    " EXCEPT SELECT review_id FROM search_entry EXCEPT SELECT review_id FROM search_waiting"
)

Grams = Iterable[tuple[int, Sequence[int]]]


class _TakenByAnother(Exception):
    """Another process has indexed or merged the same."""


async def index_waiting() -> bool:
    """Make a chunk of what waits, if there is enough, or merge chunks; whether something was done.

    To be called again until it is False.
    """
    enough = await sql.fetch(
        f"SELECT number FROM search_waiting ORDER BY number LIMIT 1 OFFSET {SMALL - 1}"
    )
    with suppress(_TakenByAnother):
        if enough:
            await _index()
            return True
        ready = await _chunks(ChunkState.READY)
        small = [chunk for chunk in ready if chunk.size == SMALL]
        if len(small) * SMALL >= LARGE:
            await _replace(small[: LARGE // SMALL])
            return True
    return False


async def tidy() -> None:
    """Delete from the index what is not in the texts any more; to be called now and then."""
    await _forget_changed()
    for chunk in await _chunks(ChunkState.REPLACED):
        await _drop(chunk)
    for chunk in await _chunks(ChunkState.BUILDING):
        if chunk.created_at < clock.now() - _UNFINISHED:
            await _drop(chunk)
    with_gone = [chunk for chunk in await _chunks(ChunkState.READY) if chunk.gone]
    with suppress(_TakenByAnother):
        for chunk in with_gone[:_REWRITTEN_AT_ONCE]:
            await _replace([chunk])


async def mark_missing() -> int:
    """Let reviews wait that neither are indexed nor wait, as after a load without triggers.

    Returns how many. It reads whole tables.
    """
    number = await missing()
    if number:
        await sql.execute(f"INSERT INTO search_waiting (review_id) {_MISSING}")
    return number


async def missing() -> int:
    """How many reviews neither are indexed nor wait. It reads whole tables."""
    (row,) = await sql.fetch(f"SELECT COUNT(*) AS missing FROM ({_MISSING}) m")
    return int(row["missing"])


async def waiting() -> int:
    """How many changes wait to be indexed."""
    (row,) = await sql.fetch("SELECT COUNT(*) AS waiting FROM search_waiting")
    return int(row["waiting"])


def listed(place: str) -> str:
    """Rows with a `value` each, of a JSON array given as `?`; numbers or ids as text."""
    if sql.is_postgres():
        return f"json_array_elements_text(?::text::json) {place}"
    return f"json_each(?) {place}"


def as_number(value: str) -> str:
    return f"{value}::bigint" if sql.is_postgres() else value


async def _index() -> None:
    rows = await sql.fetch(
        f"SELECT w.number, r.id AS review_id, {SEARCHED_TEXT} AS text"
        f" FROM (SELECT number, review_id FROM search_waiting ORDER BY number LIMIT {SMALL}) w"
        " LEFT JOIN review r ON r.id = w.review_id AND r.deleted_at IS NULL ORDER BY w.number"
    )
    texts = {row["review_id"]: row["text"] for row in rows if row["review_id"] is not None}
    chunk = await _reserve(SMALL)
    await _write(chunk, await _postings(texts.values()))
    async with _publishing(chunk):
        await _take([row["number"] for row in rows])
        chunk.first_number = await _next_number()
        entries = [(chunk.first_number + offset, id_) for offset, id_ in enumerate(texts)]
        await _forget([str(id_) for id_ in texts])
        await sql.execute_many(
            "INSERT INTO search_entry (number, review_id) VALUES (?, ?)", entries
        )


async def _take(waiting: Sequence[int]) -> None:
    taken = await sql.execute(
        "DELETE FROM search_waiting WHERE number IN"
        f" (SELECT {as_number('given.value')} FROM {listed('given')})",
        json.dumps(waiting),
    )
    if taken != len(waiting):
        raise _TakenByAnother


async def _postings(texts: Iterable[str]) -> Grams:
    """The offsets of the texts by gram, ascending."""
    offsets = defaultdict[str, list[int]](list)
    pause = _Pause()
    for offset, text in enumerate(texts):
        for gram in grams_in(text):
            offsets[gram].append(offset)
        await pause.if_due()
    by_number: dict[int, list[int]] = {}
    for gram, found in offsets.items():
        number = number_of(gram)
        same = by_number.get(number)
        by_number[number] = found if same is None else sorted({*found, *same})
        await pause.if_due()
    return sorted(by_number.items())


class _Pause:
    """Lets others have the event loop."""

    def __init__(self) -> None:
        self._until = time.perf_counter() + _SLICE

    async def if_due(self) -> None:
        if time.perf_counter() >= self._until:
            await asyncio.sleep(_SLICE)
            self._until = time.perf_counter() + _SLICE


async def _reserve(size: int, first: int = 0) -> SearchChunk:
    return await SearchChunk.create(
        first_number=first, size=size, state=ChunkState.BUILDING, created_at=clock.now()
    )


async def _write(chunk: SearchChunk, grams: Grams) -> None:
    """Write rows of a chunk that is not READY yet."""
    pause = _Pause()
    rows = _rows(chunk, grams)
    while group := list(islice(rows, _ROWS)):
        async with transaction():
            await sql.execute_many(
                "INSERT INTO search_gram (gram, amount, numbers) VALUES (?, ?, ?)", group
            )
        await pause.if_due()


def _rows(chunk: SearchChunk, grams: Grams) -> Iterator[tuple[int, int, bytes]]:
    for gram, numbers in grams:
        if numbers:
            yield chunk.number * PER_CHUNK + gram, len(numbers), encoded(numbers)


@asynccontextmanager
async def _publishing(chunk: SearchChunk) -> AsyncIterator[None]:
    """A transaction at whose end a chunk is READY; if it fails, the chunk is dropped."""
    try:
        async with transaction():
            yield
            chunk.state = ChunkState.READY
            await chunk.save()
    except BaseException:
        await _drop(chunk)
        raise


async def _next_number() -> int:
    (row,) = await sql.fetch(
        f"SELECT COALESCE(MAX(first_number + size), 0) AS following FROM search_chunk"
        f" WHERE state = '{ChunkState.READY.value}'"
    )
    return int(row["following"])


async def _chunks(state: ChunkState) -> list[SearchChunk]:
    return await SearchChunk.filter(state=state).order_by("first_number", "number")


async def _forget(reviews: Sequence[str]) -> None:
    """In a transaction: delete these entries; their grams go when their chunk is written anew."""
    value = "given.value::uuid" if sql.is_postgres() else "given.value"
    gone = await sql.fetch(
        "DELETE FROM search_entry WHERE review_id IN"
        f" (SELECT {value} FROM {listed('given')}) RETURNING number",
        json.dumps(reviews),
    )
    for row in gone:
        # Once more if the chunk was replaced meanwhile: then the new one is READY.
        if not await _count_gone(row["number"]):
            await _count_gone(row["number"])


async def _count_gone(number: int) -> int:
    return await sql.execute(
        "UPDATE search_chunk SET gone = gone + 1"
        f" WHERE state = '{ChunkState.READY.value}'"
        " AND first_number <= ? AND first_number + size > ?",
        number,
        number,
    )


async def _forget_changed() -> None:
    """Forget what was indexed of changed reviews, though few wait, and deleted ones altogether."""
    rows = await sql.fetch(
        "SELECT w.number, w.review_id,"
        " CASE WHEN r.id IS NULL OR r.deleted_at IS NOT NULL THEN 1 ELSE 0 END AS is_over"
        " FROM search_waiting w"
        " LEFT JOIN review r ON r.id = w.review_id WHERE r.id IS NULL OR r.deleted_at IS NOT NULL"
        " OR EXISTS (SELECT 1 FROM search_entry e WHERE e.review_id = w.review_id)"
        f" ORDER BY w.number LIMIT {SMALL}"
    )
    if not rows:
        return
    with suppress(_TakenByAnother):
        async with transaction():
            await _forget([str(row["review_id"]) for row in rows])
            await _take([row["number"] for row in rows if row["is_over"]])


async def _replace(old: Sequence[SearchChunk]) -> None:
    """Write chunks of consecutive numbers as one, without the grams of changed texts."""
    first, size = old[0].first_number, sum(chunk.size for chunk in old)
    new = await _reserve(size, first)
    kept = None
    if any(chunk.gone for chunk in old):
        entries = await sql.fetch(
            "SELECT number FROM search_entry WHERE number >= ? AND number < ?", first, first + size
        )
        kept = {row["number"] - first for row in entries}
    at = 0
    while at < PER_CHUNK:
        until = await _end_of_slice(old[0], at)
        await _write(new, await _merged(old, (at, until), kept))
        at = until
    async with _publishing(new):
        numbers = [chunk.number for chunk in old]
        replaced = SearchChunk.filter(number__in=numbers, state=ChunkState.READY)
        if await replaced.update(state=ChunkState.REPLACED) != len(old):
            raise _TakenByAnother
        now = await SearchChunk.filter(number__in=numbers)
        new.gone = sum(chunk.gone for chunk in now) - sum(chunk.gone for chunk in old)
    for chunk in old:
        await _drop(chunk)


async def _end_of_slice(chunk: SearchChunk, at: int) -> int:
    """The gram that follows the next `_ROWS` of a chunk."""
    start = chunk.number * PER_CHUNK
    rows = await sql.fetch(
        "SELECT gram FROM search_gram WHERE gram >= ? AND gram < ?"
        f" ORDER BY gram LIMIT 1 OFFSET {_ROWS}",
        start + at,
        start + PER_CHUNK,
    )
    return int(rows[0]["gram"]) - start if rows else PER_CHUNK


async def _merged(
    chunks: Sequence[SearchChunk], grams: tuple[int, int], kept: set[int] | None
) -> Grams:
    """The numbers of a range of grams, from the first number of the first chunk on."""
    numbers: dict[int, list[int]] = {}
    pause = _Pause()
    for chunk in chunks:
        start, shift = chunk.number * PER_CHUNK, chunk.first_number - chunks[0].first_number
        rows = await sql.fetch(
            "SELECT gram, numbers FROM search_gram WHERE gram >= ? AND gram < ? ORDER BY gram",
            start + grams[0],
            start + grams[1],
        )
        for row in rows:
            found = (shift + each for each in decoded(row["numbers"]))
            numbers.setdefault(row["gram"] - start, []).extend(
                found if kept is None else (each for each in found if each in kept)
            )
            await pause.if_due()
    return sorted(numbers.items())


async def _drop(chunk: SearchChunk) -> None:
    """Delete a chunk that no search reads, its grams first."""
    start = chunk.number * PER_CHUNK
    await sql.execute(
        "DELETE FROM search_gram WHERE gram >= ? AND gram < ?", start, start + PER_CHUNK
    )
    await SearchChunk.filter(number=chunk.number).delete()
