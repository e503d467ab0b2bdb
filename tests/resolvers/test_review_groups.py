"""Many decisions at once: each stands alone, and all are one transaction of few statements."""

import asyncio

import pytest
from tortoise.connection import get_connection

from models import Review, sql
from models.database import transaction
from resolvers import inactive_members, rating_counters
from tests.fixtures.reviews import order_input
from tests.resolvers.payloads import EDITED, codes

RESULTS = (
    "results { reviewId review { id status moderation { reason note } } errors { code field } }"
)


@pytest.fixture
def decide(ada):
    async def decide(*decisions):
        payload = await ada.do("moderateReviews", RESULTS, decisions=list(decisions))
        assert payload["errors"] == []
        return payload["results"]

    return decide


@pytest.fixture
def written(review, ada):
    """The ids of reviews of one service, from 1 star to 5."""

    async def write(number, *, moderated=True):
        await ada.do("updateSettings", reviewModeration=moderated)
        return [(await review(f"ORDER-{n}", rating=n % 5 + 1))["id"] for n in range(number)]

    return write


def decision(status, id, **more):
    return {"reviewId": id, "status": status, **more}


async def test_a_bad_decision_spoils_only_itself(written, decide, maria, ada, outbox, counters):
    ids = await written(6)
    edited = await maria.do("editReview", EDITED, reviewId=ids[1], body="Another text of it.")
    await ada.do("deleteReview", reviewId=ids[2], reason="A test.")
    at = edited["review"]["editedAt"]
    sent = len(await outbox())

    results = await decide(
        decision("APPROVED", ids[0]),
        decision("APPROVED", ids[1], expectedEditedAt=None),
        decision("APPROVED", ids[2]),
        decision("REJECTED", ids[3]),
        decision("APPROVED", "no id"),
        decision("REJECTED", ids[4], reason="SPAM", note="Twice."),
        decision("APPROVED", ids[1], expectedEditedAt=at),
        decision("PENDING", ids[5]),
    )

    assert [(codes(each), (each["review"] or {}).get("status")) for each in results] == [
        ([], "APPROVED"),
        (["CONFLICT"], None),
        (["NOT_FOUND"], None),
        (["INVALID"], None),
        (["INVALID"], None),
        ([], "REJECTED"),
        ([], "APPROVED"),
        ([], "PENDING"),
    ]
    fields = [error["field"] for each in results for error in each["errors"]]
    assert fields == [
        ["input", "decisions", "1", "expectedEditedAt"],
        ["input", "decisions", "2", "reviewId"],
        ["input", "decisions", "3", "reason"],
        ["input", "decisions", "4", "reviewId"],
    ]
    assert results[5]["review"]["moderation"] == {"reason": "SPAM", "note": "Twice."}
    assert sorted((await outbox())[sent:]) == [
        *["review.published"] * 2,
        *["review.received"] * 2,
        "review.rejected",
    ]
    assert await counters() == {"LOGO": [1, 1, 0, 0, 0], "NINA": [1, 1, 0, 0, 0]}
    assert await rating_counters.drifts() == []


async def test_decisions_on_one_review_are_made_in_the_order_given(written, decide, events):
    first, second = await written(2)
    before = len(await events())

    results = await decide(
        decision("APPROVED", first),
        decision("REJECTED", second, reason="SPAM"),
        decision("REJECTED", first, reason="FAKE"),
        decision("PENDING", first),
    )

    assert [each["review"]["status"] for each in results] == [
        "APPROVED",
        "REJECTED",
        "REJECTED",
        "PENDING",
    ]
    assert sorted((await events())[before:]) == [
        "review.approved",
        "review.held",
        "review.rejected",
        "review.rejected",
    ]
    assert await rating_counters.drifts() == []


async def test_published_and_hidden_reviews_of_one_service_are_counted_together(
    written, decide, counters
):
    ids = await written(5)
    await decide(*(decision("APPROVED", id) for id in ids[:3]))

    await decide(
        decision("REJECTED", ids[0], reason="SPAM"),
        decision("PENDING", ids[1]),
        decision("APPROVED", ids[4]),
    )

    assert await counters() == {"LOGO": [0, 0, 1, 0, 1], "NINA": [0, 0, 1, 0, 1]}
    await decide(decision("PENDING", ids[2]), decision("PENDING", ids[4]))
    assert await counters() == {"LOGO": [0] * 5, "NINA": [0] * 5}
    assert await rating_counters.drifts() == []


async def test_the_number_of_statements_does_not_grow(written, decide, ada, monkeypatch):
    ids = await written(40)
    # Who decides for the first time becomes a member of the team.
    await ada.do("upsertTeamMembers", members=[{"externalId": "ADA"}])
    ran = []
    for name in ("execute_query", "execute_query_dict", "execute_many"):
        for kind in (type(get_connection("default")), await _kind_of_transaction()):
            plain = getattr(kind, name)

            async def record(self, query, *values, plain=plain):
                ran.append(query)
                return await plain(self, query, *values)

            monkeypatch.setattr(kind, name, record)

    async def statements(*decisions):
        ran.clear()
        assert [each["errors"] for each in await decide(*decisions)] == [[]] * len(decisions)
        return len(set(ran) - {inactive_members.STATEMENT})

    few = await statements(*(decision("APPROVED", id) for id in ids[:2]))
    assert await statements(*(decision("APPROVED", id) for id in ids[2:])) == few
    assert len(ran) < 40


async def _kind_of_transaction():
    async with transaction():
        return type(get_connection("default"))


async def test_racing_groups_edits_deletes_and_hand_overs_refuse_nobody(
    written, decide, maria, ada, shop, outbox
):
    ids = await written(12, moderated=False)

    async def moderate(order, first):
        for turn in range(first, first + 4):
            status = ("APPROVED", "REJECTED", "PENDING")[turn % 3]
            more = {"reason": "SPAM"} if status == "REJECTED" else {}
            for result in await decide(*(decision(status, id, **more) for id in order)):
                assert codes(result) in ([], ["NOT_FOUND"])

    async def edit():
        for turn in range(8):
            payload = await ada.do("editReview", reviewId=ids[turn], rating=turn % 5 + 1)
            assert codes(payload) == []

    async def delete():
        for id in ids[-2:]:
            assert codes(await ada.do("deleteReview", reviewId=id, reason="A test.")) == []

    async def hand_over():
        for turn in range(4):
            buyer = {"externalId": f"BUYER-{turn}", "displayName": "Another"}
            orders = [
                order_input(f"ORDER-{n}", customer=buyer, handOver=True) for n in range(11, -1, -1)
            ]
            payload = await shop.do("upsertOrders", "results { errors { code } }", orders=orders)
            assert payload["results"] == [{"errors": []}] * 12

    await asyncio.gather(
        moderate(ids, 0),
        moderate(ids[::-1], 1),
        moderate(ids[::2], 2),
        edit(),
        delete(),
        hand_over(),
    )

    assert await rating_counters.drifts() == []
    assert await Review.filter(deleted_at=None).count() == 10
    published = "SELECT COUNT(*) AS n FROM outbox_mail WHERE mail = 'review.received'"
    assert (await sql.fetch(published))[0]["n"] == 12
