"""Rare filters and frequent words: few at once, beside which plain pages are served."""

import asyncio
import time

import pytest

from models import sql
from resolvers import review_list, scans
from resolvers.errors import ScanTimeout
from resolvers.scans import scanning
from resolvers.viewer import ANONYMOUS, Role, Viewer
from tests.waiting import until

RARE = "{ reviews(filter: { hasReply: true }) { nodes { id } } }"
PAGE = '{ service(ref: { externalId: "LOGO" }) { reviews { nodes { rating } } } }'
ADMIN = Viewer(Role.ADMIN, external_id="ADA")


@pytest.fixture
def held(monkeypatch):
    """Scans wait until `held.set()`; `held.running` counts those that have begun."""
    event, list_runs = asyncio.Event(), review_list.list_runs
    event.running = 0

    async def slowly(*given, **options):
        if "replied_at IS NOT NULL" in str(given[1]):
            event.running += 1
            await event.wait()
        return await list_runs(*given, **options)

    monkeypatch.setattr(review_list, "list_runs", slowly)
    return event


async def test_only_two_scans_run_at_once_and_pages_beside_them(held, review, sam, nobody):
    await review(rating=4)
    answers = [asyncio.ensure_future(sam.ask(RARE)) for _ in range(12)]
    await until(lambda: held.running == scans.MAX_AT_ONCE)

    page = await asyncio.wait_for(nobody.ask(PAGE), 5)

    assert page["service"]["reviews"]["nodes"] == [{"rating": 4}]
    assert held.running == scans.MAX_AT_ONCE
    held.set()
    assert await asyncio.gather(*answers) == [{"reviews": {"nodes": []}}] * 12


async def test_they_are_served_in_the_order_in_which_they_came(app):
    served = []

    async def scan(number):
        async with scanning(ADMIN):
            served.append(number)
            await asyncio.sleep(0.001)

    await asyncio.gather(*map(scan, range(10)))

    assert served == list(range(10))


async def test_a_scan_without_a_token_ends_after_a_while_and_frees_its_place(
    held, nobody, sam, review, monkeypatch
):
    monkeypatch.setattr(scans, "ANONYMOUS_SECONDS", 0.2)
    await review()
    answers = await asyncio.gather(*(nobody.send(RARE) for _ in range(4)))

    for answer in answers:
        assert answer.status_code == 503
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "OPERATION_TIMEOUT"
        assert "Search in one service or vendor, or sign in" in error["message"]
    held.set()
    assert await sam.ask(RARE) == {"reviews": {"nodes": []}}


async def test_somebody_with_a_token_has_the_time_of_an_operation(held, sam, review, monkeypatch):
    monkeypatch.setattr(scans, "ANONYMOUS_SECONDS", 0.05)
    await review()
    scan = asyncio.ensure_future(sam.ask(RARE))
    await asyncio.sleep(0.2)
    held.set()

    assert await scan == {"reviews": {"nodes": []}}


async def test_the_database_stops_a_scan_that_nobody_waits_for(app, monkeypatch, database):
    monkeypatch.setattr(scans, "ANONYMOUS_SECONDS", 0.2)
    endless = "SELECT COUNT(*) AS n FROM generate_series(1, 2000000000)"
    if database.startswith("sqlite"):
        endless = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
        )
    began = time.monotonic()

    with pytest.raises(ScanTimeout):
        async with scanning(ANONYMOUS):
            await sql.fetch(endless)

    assert time.monotonic() - began < 5
    assert await sql.fetch("SELECT 1 AS one") == [{"one": 1}]
