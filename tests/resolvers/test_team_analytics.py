"""Team analytics equal a computation from the raw rows, in a constant number of statements."""

import random
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from models import TeamMember, sql
from models.uuid7 import uuid7
from resolvers.viewer import Role, Viewer

ADA = Viewer(Role.ADMIN, "ADA")
ZONE = "America/Santiago"  # midnights are skipped there
FIRST, LAST = date(2025, 3, 1), date(2025, 9, 30)
ANALYTICS = (
    "query($p: Period!) { teamAnalytics(period: $p) { ratings average solved responseRate"
    " promoters detractors breakdown { stars count percentage }"
    " previous { from to ratings average solved responseRate }"
    " trend { from to ratings average solved responseRate }"
    " members { member { externalId } solved ratings average promoters detractors responseRate"
    " breakdown { stars count } previous { from to solved ratings average responseRate } } } }"
)


@pytest.fixture
async def order(feed):
    await feed("ORDER-1")
    return (await sql.fetch("SELECT id FROM orders"))[0]["id"]


@pytest.fixture
async def team(app):
    return [
        await TeamMember.create(
            external_id=name, display_name=name.title(), created_at=datetime(2025, 1, 1, tzinfo=UTC)
        )
        for name in ("SAM", "TINA", "URS", "VERA", "WILL")
    ]


@pytest.fixture
def history(order, team, database):
    """Store this many updates with one solve each, most of them rated, over 20 months."""

    async def write(number: int, seed: int = 7) -> list[tuple]:
        chance = random.Random(seed)
        updates, solves = [], []
        for _ in range(number):
            update_id, member = uuid7(), chance.choice(team[:4]).id
            solved = datetime(2024, 6, 1, tzinfo=UTC) + timedelta(
                seconds=chance.randrange(600 * 86_400)
            )
            visible = chance.random() < 0.8
            stars = chance.choice([None, 1, 2, 3, 4, 5, 5]) if visible else None
            rated = solved + timedelta(seconds=chance.randrange(1, 20 * 86_400)) if stars else None
            status = "CLOSED" if rated else "SOLVED"
            updates.append(
                (
                    update_id,
                    order,
                    "Hello",
                    status,
                    visible,
                    1,
                    solved,
                    solved,
                    rated,
                    solved,
                    solved,
                )
            )
            solves.append(
                (uuid7(), update_id, 1, member, member, visible, False, solved, stars, rated)
            )
        await _insert("order_update", _UPDATE, updates)
        await _insert("update_solve", _SOLVE, solves)
        return solves

    return write


_UPDATE = (
    "id, order_id, title, status, customer_visible, solves, created_at, solved_at, closed_at,"
    " team_activity_at, customer_activity_at"
)
_SOLVE = (
    "id, update_id, number, solved_by_id, credited_to_id, customer_visible, notified, solved_at,"
    " stars, rated_at"
)


async def _insert(table: str, columns: str, rows: list[tuple]) -> None:
    for start in range(0, len(rows), 500):
        part = rows[start : start + 500]
        one = f"({sql.places(part[0])})"
        await sql.execute(
            f"INSERT INTO {table} ({columns}) VALUES {', '.join([one] * len(part))}",
            *(value for row in part for value in row),
        )


def expected(rows, first: date, last: date) -> dict:
    """The figures of some days, computed from the raw rows with exact fractions."""

    def inside(moment):
        return moment and first <= moment.astimezone(ZoneInfo(ZONE)).date() <= last

    solved = [row for row in rows if inside(row[7])]
    stars = [row[8] for row in rows if inside(row[9])]
    ratable = [row for row in solved if row[5]]
    average = None
    if stars:
        hundredths = Fraction(100 * sum(stars), len(stars)) + Fraction(1, 2)
        average = (hundredths.numerator // hundredths.denominator) / 100
    return {
        "solved": len(solved),
        "ratings": len(stars),
        "average": average,
        "responseRate": sum(1 for row in ratable if row[8]) / len(ratable) if ratable else None,
    }


def stars_of(rows, first, last):
    zone = ZoneInfo(ZONE)
    return [r[8] for r in rows if r[9] and first <= r[9].astimezone(zone).date() <= last]


@pytest.mark.parametrize("interval", ["DAY", "WEEK", "MONTH"])
async def test_ten_thousand_updates_give_the_same_figures_as_the_raw_rows(
    interval, history, team, ada, statements
):
    rows = await history(10_000)
    await ada.do("updateSettings", timeZone=ZONE)
    names = {member.id: member.external_id for member in team}
    period = {"from": FIRST.isoformat(), "to": LAST.isoformat(), "interval": interval}
    before_first = FIRST - (LAST - FIRST + timedelta(days=1))
    counted = statements()

    found = (await ada.ask(ANALYTICS, p=period))["teamAnalytics"]

    assert len(counted) == 6  # settings; solves and ratings, by step and by member; members
    whole = expected(rows, FIRST, LAST)
    assert {name: found[name] for name in whole} == whole
    stars = stars_of(rows, FIRST, LAST)
    assert found["promoters"] == sum(each >= 4 for each in stars)
    assert found["detractors"] == sum(each <= 3 for each in stars)
    assert [(row["stars"], row["count"]) for row in found["breakdown"]] == [
        (number, stars.count(number)) for number in (5, 4, 3, 2, 1)
    ]
    assert sum(row["percentage"] for row in found["breakdown"]) == 100
    previous = (before_first, FIRST - timedelta(days=1))
    assert found["previous"] == {
        "from": previous[0].isoformat(),
        "to": previous[1].isoformat(),
        **expected(rows, *previous),
    }
    for step in found["trend"]:
        days = (date.fromisoformat(step["from"]), date.fromisoformat(step["to"]))
        assert {k: step[k] for k in whole} == expected(rows, *days)
    assert found["trend"][0]["from"] == FIRST.isoformat()
    assert found["trend"][-1]["to"] == LAST.isoformat()
    assert sum(step["solved"] for step in found["trend"]) == whole["solved"]
    by_member = {each["member"]["externalId"]: each for each in found["members"]}
    assert set(by_member) == {"SAM", "TINA", "URS", "VERA"}
    for member_id, name in names.items():
        own = [row for row in rows if row[4] == member_id]
        if not own:
            continue
        numbers = by_member[name]
        wanted = expected(own, FIRST, LAST)
        assert {k: numbers[k] for k in wanted} == wanted
        assert [(row["stars"], row["count"]) for row in numbers["breakdown"]] == [
            (number, stars_of(own, FIRST, LAST).count(number)) for number in (5, 4, 3, 2, 1)
        ]
        assert {k: numbers["previous"][k] for k in wanted} == expected(own, *previous)
    assert [each["solved"] for each in found["members"]] == sorted(
        (each["solved"] for each in found["members"]), reverse=True
    )


async def test_the_number_of_statements_does_not_depend_on_the_data(history, ada, statements):
    counted = statements()
    period = {"from": "2025-03-01", "to": "2025-09-30", "interval": "DAY"}

    empty = (await ada.ask(ANALYTICS, p=period))["teamAnalytics"]
    for_nothing = len(counted)
    await history(50)
    counted.clear()
    await ada.ask(ANALYTICS, p=period)

    assert for_nothing <= len(counted) <= for_nothing + 1 == 6  # the members' names
    assert (empty["solved"], empty["ratings"]) == (0, 0)
    assert (empty["average"], empty["responseRate"], empty["members"]) == (None, None, [])
    assert len(empty["trend"]) == 214
    assert {row["percentage"] for row in empty["breakdown"]} == {0}


async def test_a_solve_at_midnight_belongs_to_one_day(order, team, ada):
    await ada.do("updateSettings", timeZone="Europe/Berlin")
    midnight = datetime(2025, 6, 30, 22, tzinfo=UTC)  # of July 1
    for moment in (midnight - timedelta(microseconds=1), midnight):
        key = uuid7()
        values = (key, order, "Hello", "SOLVED", True, 1, moment, moment, None, moment, moment)
        await _insert("order_update", _UPDATE, [values])
        sam = team[0].id
        values = (uuid7(), key, 1, sam, sam, True, False, moment, None, None)
        await _insert("update_solve", _SOLVE, [values])

    found = await ada.ask(ANALYTICS, p={"from": "2025-06-30", "to": "2025-07-01"})

    assert [step["solved"] for step in found["teamAnalytics"]["trend"]] == [1, 1]


async def test_credit_and_figures_follow_the_solve_over_the_api(
    open_update, solve, act, sam, ada, maria, at
):
    at("2030-01-10T12:00:00+00:00")
    update = await open_update(assignee={"externalId": "SAM"})
    await solve(update, by=ada)
    await act(ada, "reopenUpdate", update)
    await act(ada, "assignUpdate", update)
    await solve(update, by=ada)
    at("2030-01-12T12:00:00+00:00")
    await act(maria, "rateUpdate", update, stars=4)

    period = {"from": "2030-01-10", "to": "2030-01-11"}
    solved = (await sam.ask(ANALYTICS, p=period))["teamAnalytics"]
    rated = (await sam.ask(ANALYTICS, p={"from": "2030-01-12", "to": "2030-01-13"}))[
        "teamAnalytics"
    ]

    assert (solved["solved"], solved["ratings"], solved["responseRate"]) == (2, 0, 0.5)
    assert {m["member"]["externalId"]: m["solved"] for m in solved["members"]} == {
        "SAM": 1,
        "ADA": 1,
    }
    assert (rated["solved"], rated["ratings"], rated["average"]) == (0, 1, 4.0)
    assert rated["responseRate"] is None
    assert rated["previous"] == {
        "from": "2030-01-10",
        "to": "2030-01-11",
        "solved": 2,
        "ratings": 0,
        "average": None,
        "responseRate": 0.5,
    }
    assert [m["member"]["externalId"] for m in rated["members"]] == ["ADA"]


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        ("nobody", "UNAUTHENTICATED"),
        ("maria", "FORBIDDEN"),
        ("nina", "FORBIDDEN"),
        ("shop", "FORBIDDEN"),
    ],
)
async def test_analytics_are_for_the_team_only(actor, code, feed, request):
    person = request.getfixturevalue(actor)
    period = {"from": "2030-01-10", "to": "2030-01-11"}

    assert await person.refused(ANALYTICS, p=period) == [code]


async def test_an_invalid_period_is_refused(ada):
    assert await ada.refused(ANALYTICS, p={"from": "2030-01-10", "to": "2030-01-09"}) == ["INVALID"]
