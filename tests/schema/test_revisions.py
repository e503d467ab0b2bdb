"""Revisions of a review: the newest ones, and no more than requested."""

from datetime import UTC, datetime, timedelta

import pytest
from graphql import parse

from candor.engine.documents import document_of
from models import ReviewRevision
from schema import ids
from schema.api import schema

FIRST = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
async def edited(review):
    """A review that was edited 150 times, and one that was edited twice."""
    written, other = await review("ORDER-1"), await review("ORDER-2")
    for each, count in ((written, 150), (other, 2)):
        await ReviewRevision.bulk_create(
            ReviewRevision(
                review_id=ids.decode(each["id"])[1],
                rating=3,
                body=f"Version {number}",
                replaced_at=FIRST + timedelta(minutes=number),
            )
            for number in range(count)
        )
    return written


def _versions(numbers):
    return [{"body": f"Version {number}"} for number in numbers]


@pytest.mark.parametrize(
    ("argument", "numbers"),
    [("", range(130, 150)), ("(last: 1)", [149]), ("(last: 100)", range(50, 150))],
)
async def test_the_newest_are_shown_oldest_first(edited, maria, ada, argument, numbers):
    query = f"query($id: ID!) {{ review(id: $id) {{ revisions{argument} {{ body }} }} }}"

    for person in (maria, ada):
        data = await person.ask(query, id=edited["id"])
        assert data["review"]["revisions"] == _versions(numbers)


async def test_many_reviews_show_theirs_in_one_statement(edited, ada, statements):
    query = "{ reviews { nodes { revisions(last: 3) { body } } } }"
    await ada.ask(query)
    ran = statements()

    nodes = (await ada.ask(query))["reviews"]["nodes"]

    assert nodes == [
        {"revisions": _versions([0, 1])},
        {"revisions": _versions([147, 148, 149])},
    ]
    assert len([each for each in ran if "review_revision" in each]) == 1


async def test_two_names_show_each_what_it_asked_for(edited, maria):
    query = "query($id: ID!) { review(id: $id) { a: revisions(last: 1) { body } b: revisions(last: 2) { body } } }"

    data = (await maria.ask(query, id=edited["id"]))["review"]

    assert data == {"a": _versions([149]), "b": _versions([148, 149])}


@pytest.mark.parametrize("last", [0, -1, 101, 2_000_000_000])
async def test_more_than_a_hundred_or_less_than_one_are_refused(edited, maria, nobody, last):
    query = "query($id: ID!, $n: Int!) { review(id: $id) { revisions(last: $n) { body } } }"

    expected = ["QUERY_TOO_EXPENSIVE"] if last > 5_000 else ["INVALID"]
    for person in (maria, nobody):
        assert await person.refused(query, id=edited["id"], n=last) == expected


async def test_others_see_none(edited, nobody, carl, nina):
    query = "query($id: ID!) { review(id: $id) { revisions { body } } }"

    for person in (nobody, carl, nina):
        assert (await person.ask(query, id=edited["id"]))["review"] == {"revisions": []}


@pytest.mark.parametrize(
    ("field", "variables", "cost"),
    [
        ("revisions { body }", {}, 2 + 20),
        ("revisions(last: 100) { body subRatings { quality } }", {}, 2 + 200),
        ("revisions(last: $n) { a: body b: body }", {"n": 7}, 2 + 7 * 2),
    ],
)
def test_each_version_costs_what_an_object_costs(field, variables, cost):
    text = f'query($n: Int! = 3) {{ review(id: "x") {{ {field} }} }}'
    (operation,) = document_of(schema._schema, parse(text)).operations

    assert operation.cost(variables) == cost
