"""Which texts are valid instants, dates and time zones."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from models import Order, SiteSettings
from models.time_zone import time_zone
from tests.fixtures.reviews import order_input

INSTANTS = {
    "2026-01-31T12:00:00Z": "2026-01-31T12:00:00+00:00",
    "2026-01-31T12:00:00z": "2026-01-31T12:00:00+00:00",
    "2026-01-31t12:00:00z": "2026-01-31T12:00:00+00:00",
    "2026-01-31T12:00:00+02:00": "2026-01-31T10:00:00+00:00",
    "2026-01-31T12:00:00-00:00": "2026-01-31T12:00:00+00:00",
    "2026-01-31T12:00:00.5Z": "2026-01-31T12:00:00.500000+00:00",
    "2026-01-31T12:00:00.123456789Z": "2026-01-31T12:00:00.123456+00:00",
    "2024-02-29T23:59:59-23:59": "2024-03-01T23:58:59+00:00",
    # A leap second is the second after it.
    "2016-12-31T23:59:60Z": "2017-01-01T00:00:00+00:00",
    "2017-01-01T00:59:60+01:00": "2017-01-01T00:00:00+00:00",
    "2016-12-31T23:59:60.25z": "2017-01-01T00:00:00.250000+00:00",
}

NO_INSTANTS = [
    "2026-01-31T12:00:00",  # without an offset
    "2026-01-31 12:00:00Z",
    "2026-01-31T12:00Z",
    "2026-01-31T12Z",
    "2026-01-31",
    "20260131T120000Z",
    "20260131T12:00:00Z",
    "2026-W05-6T12:00:00Z",
    "2026-W05T12:00:00Z",
    "2026W056T120000Z",
    "2026-031T12:00:00Z",
    "2026-01-31T12:00:00,5Z",
    "2026-01-31T12:00:00.Z",
    "2026-01-31T12:00:00+02",
    "2026-01-31T12:00:00+0200",
    "2026-01-31T12:00:00+02:00:30",
    "2026-01-31T12:00:00+24:00",
    "2026-01-31T12:00:00+02:60",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:60:00Z",
    "2026-02-29T12:00:00Z",
    "2026-13-01T12:00:00Z",
    "0000-01-01T12:00:00Z",
    "0001-01-01T00:00:00+02:00",
    "2026-01-31T12:00:60Z",
    "2026-01-15T23:59:60Z",
    "2026-01-31T12:00:61Z",
    "2026-01-31X12:00:00Z",
    "2026-01-31T12:00:00Z ",
    " 2026-01-31T12:00:00Z",
    "2026-01-31T12:00:00ZZ",
    "２０２６-01-31T12:00:00Z",
    "+2026-01-31T12:00:00Z",
    "1769860800",
    "",
]
FILTER = "query($at: DateTime) { reviews(filter: { createdAfter: $at }) { totalCount } }"
LITERAL = "{ reviews(filter: { createdAfter: AT }) { totalCount } }"


async def test_a_bad_instant_refuses_its_row_and_no_good_one(shop):
    given = [*INSTANTS, *NO_INSTANTS]
    orders = [order_input(f"{n}", completedAt=each) for n, each in enumerate(given)]

    payload = await shop.do(
        "upsertOrders", "results { outcome errors { code field message } }", orders=orders
    )

    results = dict(zip(given, payload["results"], strict=True))
    for bad in NO_INSTANTS:
        assert results[bad]["outcome"] is None, bad
        [error] = results[bad]["errors"]
        assert (error["code"], error["field"][-1]) == ("INVALID", "completedAt")
        assert "with an offset" in error["message"]
    stored = await Order.all().values_list("external_id", "completed_at")
    assert {given[int(number)]: moment.isoformat() for number, moment in stored} == INSTANTS


async def test_filters_read_instants_by_the_same_rule_as_variables_and_as_literals(nobody):
    for given in INSTANTS:
        assert (await nobody.ask(FILTER, at=given))["reviews"] == {"totalCount": 0}
        assert await nobody.ask(LITERAL.replace("AT", f'"{given}"'))
    for given in NO_INSTANTS:
        assert await nobody.refused(FILTER, at=given) == ["INVALID"], given
        assert await nobody.refused(LITERAL.replace("AT", f'"{given}"')) == ["INVALID"], given


@pytest.mark.parametrize(
    "day", ["2026-W05-6", "20260131", "2026-1-31 ", "２026-01-31", "2026-02-30"]
)
async def test_a_day_has_one_spelling(day, ada):
    query = "query($day: Date!) { teamAnalytics(period: { from: $day, to: $day }) { __typename } }"
    answer = (await ada.send(query, {"day": day})).json()

    assert "A Date is a string such as 2026-01-31." in answer["errors"][0]["message"]


@pytest.mark.parametrize("given", ["localtime", "posixrules", "Factory", "zone.tab", "tzdata.zi"])
async def test_a_zone_of_the_system_is_none_of_the_list(given, ada, stored):
    before = await stored()

    payload = await ada.do("updateSettings", timeZone=given)

    assert [(e["code"], e["field"]) for e in payload["errors"]] == [
        ("INVALID", ["input", "timeZone"])
    ]
    assert await stored() == before


@pytest.mark.parametrize(
    "given", ["posix/Europe/Berlin", "right/Europe/Berlin", "/etc/localtime", "Europe//Berlin"]
)
def test_a_path_is_no_zone(given):
    with pytest.raises(ValueError, match="IANA"):
        time_zone(given)


async def test_a_zone_is_stored_as_the_list_spells_it(ada):
    payload = await ada.do("updateSettings", "settings { timeZone }", timeZone="europe/BERLIN")

    assert payload == {"settings": {"timeZone": "Europe/Berlin"}, "errors": []}
    assert (await SiteSettings.get()).time_zone == "Europe/Berlin"


async def test_every_zone_of_the_list_is_taken_without_one_of_the_system(tmp_path):
    code = (
        "from zoneinfo import ZoneInfo, reset_tzpath; reset_tzpath(to=[])\n"
        "from models.time_zone import time_zone, _names\n"
        "print(sum(ZoneInfo(time_zone(each)).key == each for each in _names().values()))"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()

    assert int(out) > 590


@pytest.mark.parametrize("given", ["localtime", "Factory", "Mars/Olympus", ""])
async def test_an_import_knows_the_same_zones(given, tmp_path, settings, stored):
    file = tmp_path / "reviews.csv"
    file.write_text("order_id,rating,created_at\n")
    before = await stored()

    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).parent / "candor"), "import", "reviews"),
        *(str(file), "--time-zone", given),
        env=os.environ | {"CANDOR_DATABASE_URL": settings.database_url},
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaint = await process.communicate()

    assert process.returncode == 2
    assert f"There is no time zone {given!r}" in complaint.decode()
    assert await stored() == before
