"""Services and vendors that Candor does not know yet, in every query that names them."""

from uuid import UUID

import pytest

from models import announcements
from schema import ids

UNRATED = {
    "count": 0,
    "average": None,
    "breakdown": [{"stars": stars, "count": 0, "percentage": 0} for stars in (5, 4, 3, 2, 1)],
    "subRatings": {"quality": {"count": 0, "average": None}},
}
SUMMARY = """count average breakdown { stars count percentage }
    subRatings { quality { count average } }"""
CARDS = f"""query($s: [NodeRef!], $v: [NodeRef!]) {{
    ratingSummaries(services: $s, vendors: $v) {{ {SUMMARY} }} }}"""
# A second root field is answered by the executor.
BY_THE_EXECUTOR = CARDS.replace("ratingSummaries", "__typename ratingSummaries")


@pytest.fixture
async def listening(app):
    """Listen to announcements from now on."""
    with announcements.listener("ready") as listener:
        while True:
            await announcements.announce("ready")
            if await listener.next(0.1) is not None:
                return


@pytest.mark.parametrize("query", [CARDS, BY_THE_EXECUTOR])
async def test_a_card_of_something_new_is_unrated_and_the_others_keep_their_stars(
    review, nobody, query
):
    await review(rating=4)
    nobodys = {"id": ids.encode("Service", UUID(int=7))}

    answer = await nobody.ask(
        query,
        s=[{"externalId": "SOON"}, {"externalId": "LOGO"}, nobodys, {"externalId": ""}],
        v=[{"externalId": "NINA"}, {"externalId": "SOON"}],
    )

    summaries = answer["ratingSummaries"]
    assert [each["count"] for each in summaries] == [0, 1, 0, 0, 1, 0]
    assert [summaries[at] for at in (0, 2, 3, 5)] == [UNRATED] * 4


@pytest.mark.parametrize("query", [CARDS, BY_THE_EXECUTOR])
async def test_an_id_of_another_type_is_still_refused(review, nobody, query):
    written = await review()

    assert await nobody.refused(query, s=[{"id": written["id"]}]) == ["INVALID"]


@pytest.mark.parametrize(
    "arguments",
    [
        'service: { externalId: "LOGO" }',
        'vendor: { externalId: "NINA" }',
        'service: { externalId: "LOGO" }, vendor: { externalId: "NINA" }',
    ],
)
async def test_reviews_of_something_new_are_told_when_it_has_some(
    listening, review, events, arguments
):
    stream = await events(f"subscription {{ reviewPublished({arguments}) {{ rating }} }}")
    never = await events(
        'subscription { reviewPublished(service: { externalId: "LATER" }) { rating } }'
    )

    await review(rating=3)
    await review("ORDER-2", rating=2)

    for stars in (3, 2):
        name, payload = await stream.event()
        assert (name, payload["data"]) == ("next", {"reviewPublished": {"rating": stars}})
    assert never.from_app.empty()
