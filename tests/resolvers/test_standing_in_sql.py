"""The standing that lists compute in SQL equals the one computed in Python."""

import random

from models import RatingSubject, sql
from models.database import opened
from models.rating_tally import COUNTS, STAR_COUNTS, Tally, average_in, count_in
from models.uuid7 import uuid7
from resolvers.service_standing import LADDER, RANKS, ServiceStanding, rank_in, standing

MANY = 400_000_000
# Averages on both sides of each step, of one review, many, very many and none.
EDGES = [
    (0, 0, 0, 0, 0),
    (1, 0, 0, 0, 0),
    (0, 0, 0, 1, 1),
    (0, 0, 0, 101, 99),
    (0, 0, 0, 1001, 999),
    (0, 0, 1, 1, 0),
    (0, 0, 0, 1, 0),
    (1, 0, 0, 199, 0),
    (MANY, 0, 0, 0, 0),
    (0, 0, 0, 0, MANY),
]


async def test_count_average_and_rank_are_the_same_in_sql(database):
    source = random.Random(5)
    tallies = [Tally(*stars) for stars in EDGES]
    tallies += [
        Tally(*(source.randrange(2 ** source.randrange(1, 9)) for _ in range(5)))
        for _ in range(300)
    ]
    shown = f"{count_in('k')} AS count, {average_in('k')} AS average, {rank_in('k')} AS rank"
    insert = f"INSERT INTO rating_counter (subject_id, kind, {', '.join(COUNTS)}) VALUES (?, ?, {sql.places(COUNTS)})"
    async with opened(database):
        for tally in tallies:
            await sql.execute(insert, uuid7(), RatingSubject.SERVICE, *tally)
        rows = await sql.fetch(f"SELECT k.*, {shown} FROM rating_counter k")
        (missing,) = await sql.fetch(
            f"SELECT {shown} FROM (SELECT 1 AS one) o LEFT JOIN rating_counter k ON 1 = 2"
        )

    assert len(rows) == len(tallies)
    for row in rows:
        tally = Tally.of(row)
        expected = (tally.count, tally.hundredths, RANKS[standing(tally)])
        assert (row["count"], row["average"], row["rank"]) == expected, tally
    assert missing == {"count": None, "average": None, "rank": RANKS[ServiceStanding.UNRATED]}
    assert {standing(tally) for tally in tallies} == set(ServiceStanding)


def test_the_ladder_descends_and_every_standing_has_a_rank():
    assert [least for least, _ in LADDER] == sorted((least for least, _ in LADDER), reverse=True)
    assert RANKS.keys() == set(ServiceStanding)
    assert STAR_COUNTS == ("n1", "n2", "n3", "n4", "n5")
