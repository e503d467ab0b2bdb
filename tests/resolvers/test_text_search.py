"""Searching by the index of texts finds what reading every text finds, whatever happens to it."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest

from mailers.configuration import MailConfig
from mailers.worker.worker import Worker
from models import (
    ChunkState,
    Customer,
    Order,
    Review,
    ReviewStatus,
    SearchChunk,
    SearchEntry,
    SearchGram,
    SearchWaiting,
    Service,
    Vendor,
    clock,
    text_indexing,
)
from models.folding import fold
from models.text_grams import PER_CHUNK, decoded, number_of
from resolvers import review_list, text_search
from resolvers.keyset import PageRequest
from resolvers.review_list import ReviewFilter, ReviewSort, Scope
from resolvers.reviews import delete_review
from resolvers.viewer import ANONYMOUS, Role, Viewer
from tests.waiting import until

START = datetime(2026, 1, 1, tzinfo=UTC)
ADMIN = Viewer(Role.ADMIN, external_id="ADA")
SITE = (Scope(), ReviewSort.NEWEST)
SCRIPTS = [
    *(
        "very good work on time",
        "Straße im İstanbul ISPARTA",
        "ça va Zoë déjà-vu",
        "100% a_b C:\\d",
    ),
    *(
        "とても良い仕事でした",
        "非常好的设计",
        "งานดีมาก ตรงเวลา",
        "очень хорошо Привет",
        "שלום עולם",
    ),
    *(
        "نی\u200cخواهم خوب",
        "👩\u200d💻👍 🇩🇪",
        "x",
        "zz top",
        "Ω≈ç√ ﬁne ｗｉｄｅ",
        "line\nbreak aaa",
    ),
]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    """So that few reviews fill several chunks, and searches use these for any words."""
    monkeypatch.setattr(text_indexing, "SMALL", 8)
    monkeypatch.setattr(text_indexing, "LARGE", 32)
    monkeypatch.setattr(text_indexing, "_ROWS", 7)
    monkeypatch.setattr(text_search, "ONE_IN", 1)


@pytest.fixture
async def write(app):
    """Store reviews with these texts, as imports and migrations do: past all resolvers."""
    vendor = await Vendor.create(external_id="NINA", display_name="Nina", created_at=START)
    sold = {"vendor": vendor, "title": "T", "title_folded": "t", "created_at": START}
    services = [await Service.create(external_id=f"S-{n}", **sold) for n in range(2)]
    customer = await Customer.create(external_id="MARIA", display_name="M", created_at=START)
    made = []

    async def store(*texts: str) -> list[Review]:
        first = len(made)
        for n, text in enumerate(texts, first):
            service = services[n % 2]
            order = await Order.create(external_id=f"O-{n}", status="COMPLETED", customer=customer, vendor=vendor, service=service, created_at=START)  # fmt: skip
            status = ReviewStatus.PENDING if n % 7 == 3 else ReviewStatus.APPROVED
            replied = {"reply_body": "Thanks", "replied_at": START} if n % 3 == 0 else {}
            at = START + timedelta(seconds=n // 2)
            made.append(await Review.create(order=order, service=service, vendor=vendor, customer=customer, rating=n % 5 + 1, body=text, body_folded=fold(text), verified=True, status=status, helpful_count=n % 3, created_at=at, **replied))  # fmt: skip
        return made[first:]

    return store


async def _index():
    while await text_indexing.index_waiting():
        pass


async def _found(words, viewer=ADMIN, scope=SITE[0], sort=SITE[1], request=None, **narrowed):
    (page,) = await review_list.list_reviews(viewer, [scope], ReviewFilter(search=words, **narrowed), sort, request or PageRequest(100), count=True)  # fmt: skip
    return [row.id for row in page.rows], page.total, page.has_next, page.has_previous


async def _ids_with(words, **given):
    return (await _found(words, **given))[0]


async def _reads_the_texts(_words):
    return None


async def _differences(words, monkeypatch, **given):
    by_index = await _found(words, **given)
    assert await text_search.candidates(words) is not None or not fold(words).strip()
    with monkeypatch.context() as patch:
        patch.setattr(text_search, "candidates", _reads_the_texts)
        by_reading = await _found(words, **given)
    return [] if by_index == by_reading else [(words, given, by_index, by_reading)]


async def test_it_finds_what_reading_all_texts_finds(write, monkeypatch):
    draw = random.Random(3)
    texts = [" ".join(draw.sample(SCRIPTS, draw.randint(1, 3))) for _ in range(90)]
    stored = await write(*texts)
    await _index()
    # Some changed since, some deleted, some only written.
    for review in draw.sample(stored, 9):
        text = draw.choice(SCRIPTS)
        await Review.filter(id=review.id).update(body=text, body_folded=fold(text))
    for review in draw.sample(stored, 5):
        await Review.filter(id=review.id).update(deleted_at=START)
    await _index()
    await write(*SCRIPTS[:5])
    assert await SearchChunk.filter(size=32).count() >= 2
    assert 0 < await SearchWaiting.all().count() < 8

    words = {"nowhere", "zzz", "\u200b", " ", "i", "ß", *SCRIPTS}
    for text in texts + SCRIPTS:
        for _ in range(2):
            at, length = draw.randrange(len(text)), draw.choice((1, 2, 3, 4, 6, 12))
            words.add(text[at : at + length])
    differences = []
    service = Scope("service", stored[0].service_id)
    vendor = Scope("vendor", stored[0].vendor_id)
    narrowed = [{}, {"rating": 3}, {"has_reply": True}, {"status": ReviewStatus.PENDING}]
    narrowed += [{"created_after": START + timedelta(seconds=9)}, {"has_reply": False, "rating": 2}]
    for each in sorted(words):
        for scope in (SITE[0], service, vendor):
            given = {
                "viewer": draw.choice((ADMIN, ANONYMOUS)),
                "scope": scope,
                "sort": draw.choice(list(ReviewSort)),
                "request": draw.choice(
                    (PageRequest(3), PageRequest(100), PageRequest(2, offset=2))
                ),
            }
            differences += await _differences(each, monkeypatch, **given, **draw.choice(narrowed))
    assert differences == []


async def test_pages_of_a_search_follow_one_another(write, monkeypatch, nobody):
    await write(*(f"good {n}" for n in range(30)))
    await _index()
    text = 'query($o: ReviewOrder!, $a: String) { reviews(orderBy: $o, filter: {search: "good"}, first: 4, after: $a) { pageInfo { endCursor hasNextPage } nodes { id } } }'  # fmt: skip
    for order in ReviewSort:
        walks = []
        for by_index in (True, False):
            if not by_index:
                monkeypatch.setattr(text_search, "candidates", _reads_the_texts)
            seen, cursor, more = [], None, True
            while more:
                page = (await nobody.ask(text, o=order.value, a=cursor))["reviews"]
                seen += [node["id"] for node in page["nodes"]]
                cursor, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
            walks.append(seen)
        monkeypatch.undo()
        assert walks[0] == walks[1]
        assert len(walks[0]) == 26


async def test_an_edit_through_the_api_is_found_at_once_and_the_old_words_never_more(review, maria):
    written = [await review(f"ORDER-{n}", body=f"Nice work, number {n}.") for n in range(8)]
    await _index()
    assert await SearchWaiting.all().count() == 0

    edited = await maria.do("editReview", "errors { code }", reviewId=written[2]["id"], body="A real zeppelin!")  # fmt: skip

    assert edited["errors"] == []
    assert len(await _ids_with("zeppelin")) == 1
    assert await _ids_with("number 2.") == []
    await text_indexing.tidy()
    assert len(await _ids_with("zeppelin")) == 1
    assert await _numbers_with("r 2") == []


async def _numbers_with(gram):
    """The numbers that stand for a gram, in any chunk."""
    chunks = await SearchChunk.all()
    rows = await SearchGram.filter(gram__in=[chunk.number * PER_CHUNK + number_of(gram) for chunk in chunks])  # fmt: skip
    return [number for row in rows for number in decoded(row.numbers)]


async def test_a_deleted_reviews_words_leave_the_index(write):
    kept, gone = (await write("a zeppelin", "a zeppelin xylophone", *["plain"] * 6))[:2]
    await _index()
    assert len(await _numbers_with("xyl")) == 1

    await delete_review(ADMIN, review_id=gone.id, reason="Private.")

    assert await _ids_with("xylophone") == []
    await text_indexing.tidy()
    assert await _numbers_with("xyl") == []
    assert len(await _numbers_with("zep")) == 1
    assert await _ids_with("zeppelin") == [kept.id]
    assert await SearchEntry.filter(review_id=gone.id).count() == 0
    assert await SearchWaiting.all().count() == 0
    assert await SearchChunk.all().count() == 1
    assert (await SearchChunk.get()).gone == 0


async def test_a_refused_review_leaves_nothing_waiting(review, maria, feed):
    await feed("ORDER-1")

    refused = await maria.do("createReview", "errors { code }", order={"externalId": "ORDER-1"}, rating=9, body="Very good work, on time.")  # fmt: skip

    assert [error["code"] for error in refused["errors"]] == ["RATING_OUT_OF_RANGE"]
    assert await SearchWaiting.all().count() == 0


async def test_searches_miss_nothing_while_chunks_are_built_and_merged(write):
    stored = await write(*[f"zeppelin {n}" for n in range(40)])
    indexing = asyncio.ensure_future(_index())
    looks = 0
    while not indexing.done():
        assert len(await _ids_with("zeppelin")) == len(stored)
        looks += 1

    await indexing
    assert looks > 3
    assert await SearchChunk.filter(size=32, state=ChunkState.READY).count() == 1


async def test_two_processes_that_index_at_once_index_each_review_once(write, monkeypatch):
    stored = await write(*[f"zeppelin {n}" for n in range(40)])
    postings = text_indexing._postings
    both = asyncio.Barrier(2)

    async def at_once(texts):
        if not both.broken and len(await SearchWaiting.all()) == 40:
            await both.wait()
        return await postings(texts)

    monkeypatch.setattr(text_indexing, "_postings", at_once)

    await asyncio.gather(_index(), _index())

    entries = await SearchEntry.all()
    assert sorted(entry.review_id for entry in entries) == sorted(each.id for each in stored)
    assert len(await _ids_with("zeppelin")) == 40
    chunks = await SearchChunk.all()
    numbers = {gram.gram // PER_CHUNK for gram in await SearchGram.all()}
    assert numbers == {chunk.number for chunk in chunks if chunk.state is ChunkState.READY}


@pytest.mark.parametrize("when", ["_write", "_take", "_next_number"])
async def test_a_process_that_dies_while_it_indexes_loses_nothing(write, monkeypatch, when, at):
    stored = await write(*[f"zeppelin {n}" for n in range(9)])

    async def dies(*_given):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(text_indexing, when, dies)
        # A dead process does not clear up either.
        patch.setattr(text_indexing, "_drop", dies)
        with pytest.raises(MemoryError):
            await text_indexing.index_waiting()
    assert len(await _ids_with("zeppelin")) == len(stored)

    await _index()

    assert len(await _ids_with("zeppelin")) == len(stored)
    assert await SearchWaiting.all().count() == 1
    at(clock.now() + timedelta(hours=2))
    await text_indexing.tidy()
    assert {chunk.state for chunk in await SearchChunk.all()} == {ChunkState.READY}


async def test_an_edit_while_its_old_text_is_indexed_is_not_lost(write, monkeypatch):
    stored = await write(*["plain"] * 8)
    postings = text_indexing._postings

    async def beside_an_edit(texts):
        made = await postings(texts)
        await Review.filter(id=stored[3].id).update(body_folded="a zeppelin")
        return made

    with monkeypatch.context() as patch:
        patch.setattr(text_indexing, "_postings", beside_an_edit)
        await text_indexing.index_waiting()

    assert await _ids_with("zeppelin") == [stored[3].id]
    assert await SearchWaiting.all().count() == 1


async def test_a_worker_indexes_what_waits(write):
    await write(*["a zeppelin"] * 17)
    worker = Worker(MailConfig(secret="s" * 32))
    running = asyncio.ensure_future(worker.run())

    async def indexed():
        return await SearchWaiting.all().count() == 1

    await until(indexed)
    worker.stop()
    await running

    assert await SearchChunk.filter(state=ChunkState.READY).count() == 2
    assert len(await _ids_with("zeppelin")) == 17


async def test_what_was_stored_without_triggers_is_named_and_mended(write):
    stored = await write(*["a zeppelin"] * 3)
    await SearchWaiting.all().delete()

    assert await text_indexing.missing() == 3
    assert await text_indexing.mark_missing() == 3

    assert await text_indexing.missing() == 0
    assert sorted(await _ids_with("zeppelin")) == sorted(each.id for each in stored)


async def test_when_much_waits_the_texts_are_read(write, monkeypatch):
    monkeypatch.setattr(text_search, "MAX_WAITING", 5)
    await write(*["a zeppelin"] * 7)

    assert await text_search.candidates("zeppelin") is None
    assert len(await _ids_with("zeppelin")) == 7


async def test_frequent_words_are_looked_for_in_the_lists_order(write, monkeypatch):
    monkeypatch.setattr(text_search, "ONE_IN", 4)
    await write("a rare zeppelin", *["abcbcd bcab"] * 7)
    await _index()

    assert await text_search.candidates("abcbcd") is None
    assert await text_search.candidates("b") is None
    assert await text_search.candidates("z") is not None
    assert await text_search.candidates("zeppelin") is not None
    # All its grams are frequent, but nobody wrote it.
    assert await text_search.candidates("bcbcab") is not None
    assert await _ids_with("bcbcab") == []


async def test_a_search_of_a_word_that_nobody_wrote_waits_for_no_scan(write, nobody, monkeypatch):
    await write(*["plain"] * 8)
    await _index()

    class Busy:
        async def __aenter__(self):
            raise AssertionError

        async def __aexit__(self, *_given): ...

    monkeypatch.setattr(review_list, "scanning", lambda *_given, **_options: Busy())

    query = '{ reviews(filter: { search: "zeppelin" }) { nodes { id } } }'
    assert await nobody.ask(query) == {"reviews": {"nodes": []}}
