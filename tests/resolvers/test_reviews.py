"""Reviews: created once per order, idempotent by key, deleted permanently."""

import asyncio

import pytest

from models import Review, TrackingEvent
from tests.resolvers.payloads import GIVEN, codes


async def test_a_review_returns_the_authors_values_and_those_set_by_the_server(
    feed, maria, counters, outbox
):
    await feed()

    payload = await maria.do(
        "createReview",
        "review { rating body status verifiedPurchase createdAt publishedAt editedAt helpfulCount viewerHasVoted"
        " subRatings { communication quality value } author { displayName } service { externalId }"
        " vendor { externalId } order { externalId } moderation { status } revisions { body } reply { body } }",
        **GIVEN,
        communication=1,
        value=5,
    )

    review = payload["review"]
    assert review.pop("createdAt") == review.pop("publishedAt")
    assert review == {
        "rating": 5,
        "body": "Very good work.",
        "status": "APPROVED",
        "verifiedPurchase": True,
        "editedAt": None,
        "helpfulCount": 0,
        "viewerHasVoted": False,
        "subRatings": {"communication": 1, "quality": None, "value": 5},
        "author": {"displayName": "Maria S."},
        "service": {"externalId": "LOGO"},
        "vendor": {"externalId": "NINA"},
        "order": {"externalId": "ORDER-1"},
        "moderation": None,
        "revisions": [],
        "reply": None,
    }
    assert await counters() == {"LOGO": [0, 0, 0, 0, 1], "NINA": [0, 0, 0, 0, 1]}
    assert await outbox() == ["review.received"]


async def test_server_side_values_are_no_input(feed, maria, nobody):
    await feed()
    mutation = (
        "mutation($input: CreateReviewInput!) { createReview(input: $input) { review { id } } }"
    )

    for name in (
        "verifiedPurchase",
        "verified",
        "status",
        "customer",
        "vendor",
        "service",
        "author",
    ):
        assert await maria.refused(mutation, input=GIVEN | {name: True}) == ["BAD_USER_INPUT"]


async def test_a_second_review_of_an_order_is_refused_even_after_deletion(
    review, maria, ada, stored
):
    first = await review()
    twice = await maria.do("createReview", **(GIVEN | {"rating": 1}))
    await ada.do("deleteReview", reviewId=first["id"], reason="It was asked for.")
    before = await stored()

    again = await maria.do("createReview", **GIVEN)

    assert codes(twice) == codes(again) == ["ALREADY_REVIEWED"]
    assert await stored() == before


async def test_fifty_concurrent_reviews_of_one_order_leave_one(feed, maria, counters, outbox):
    await feed()

    payloads = await asyncio.gather(
        *(maria.do("createReview", "review { id }", **GIVEN) for _ in range(50))
    )

    assert sorted(codes(payload) for payload in payloads) == [[], *[["ALREADY_REVIEWED"]] * 49]
    assert await counters() == {"LOGO": [0, 0, 0, 0, 1], "NINA": [0, 0, 0, 0, 1]}
    assert await outbox() == ["review.received"]


async def test_the_same_key_and_input_return_the_first_review(feed, maria, counters, stored):
    await feed()
    given = GIVEN | {"idempotencyKey": "try-1"}
    first = await maria.do("createReview", "review { id }", **given)
    before = await stored()

    again = await maria.do("createReview", "review { id }", **given)

    assert again == first
    assert again["errors"] == []
    assert await stored() == before


@pytest.mark.parametrize(
    "change",
    [
        {"rating": 4},
        {"body": "Quite another text."},
        {"value": 3},
        {"order": {"externalId": "ORDER-2"}},
    ],
)
async def test_the_same_key_with_another_input_is_a_conflict(feed, maria, stored, change):
    await feed("ORDER-1")
    await feed("ORDER-2")
    given = GIVEN | {"idempotencyKey": "try-1"}
    await maria.do("createReview", **given)
    before = await stored()

    payload = await maria.do("createReview", "review { id }", **(given | change))

    assert [(e["code"], e["field"]) for e in payload["errors"]] == [
        ("CONFLICT", ["input", "idempotencyKey"])
    ]
    assert await stored() == before


async def test_concurrent_requests_with_one_key_create_one_review_without_errors(
    feed, maria, outbox
):
    await feed()
    given = GIVEN | {"idempotencyKey": "try-1"}

    payloads = await asyncio.gather(
        *(maria.do("createReview", "review { id }", **given) for _ in range(20))
    )

    assert [codes(payload) for payload in payloads] == [[]] * 20
    assert len({payload["review"]["id"] for payload in payloads}) == 1
    assert await outbox() == ["review.received"]


async def test_concurrent_requests_with_one_key_for_several_orders_conflict_but_for_one(
    feed, maria
):
    for n in range(8):
        await feed(f"ORDER-{n}")

    payloads = await asyncio.gather(
        *(
            maria.do(
                "createReview", **(GIVEN | {"order": {"externalId": f"ORDER-{n}"}, "idempotencyKey": "k"})
            )
            for n in range(8)
        )
    )  # fmt: skip

    assert sorted(codes(payload) for payload in payloads) == [[], *[["CONFLICT"]] * 7]
    assert await Review.all().count() == 1


async def test_keys_of_different_persons_are_independent(feed, maria, carl):
    await feed("ORDER-1")
    await feed("ORDER-2", customer={"externalId": "CARL", "displayName": "Carl"})

    first = await maria.do("createReview", **GIVEN, idempotencyKey="k")
    second = await carl.do("createReview", **(GIVEN | {"order": {"externalId": "ORDER-2"}}), idempotencyKey="k")  # fmt: skip

    assert first["errors"] == second["errors"] == []


@pytest.mark.parametrize("key", ["", " ", "a\x00b", "k" * 201])
async def test_a_key_must_be_short_and_printable(feed, maria, key, stored):
    await feed()
    before = await stored()

    payload = await maria.do("createReview", **GIVEN, idempotencyKey=key)

    assert [(e["code"], e["field"]) for e in payload["errors"]] == [
        ("INVALID", ["input", "idempotencyKey"])
    ]
    assert await stored() == before


@pytest.mark.parametrize("reason", ["", "   ", "\u200e\x00", "x" * 1001])
@pytest.mark.parametrize("mutation", ["deleteReview", "deleteReply"])
async def test_a_deletion_needs_a_reason(review, ada, nina, stored, reason, mutation):
    written = await review()
    await nina.do("replyToReview", reviewId=written["id"], body="Thank you.")
    before = await stored()

    payload = await ada.do(mutation, reviewId=written["id"], reason=reason)

    assert [(e["code"], e["field"]) for e in payload["errors"]] == [
        ("INVALID", ["input", "reason"])
    ]
    assert await stored() == before


async def test_a_deleted_review_is_hidden_from_everybody_but_its_row_and_log_stay(
    review, ada, maria, nina, nobody, counters, outbox
):
    written = await review()

    payload = await ada.do("deleteReview", "deletedId", reviewId=written["id"], reason="Asked for.")
    again = await ada.do("deleteReview", "deletedId", reviewId=written["id"], reason="Asked for.")

    assert payload["deletedId"] == written["id"]
    assert codes(again) == ["NOT_FOUND"]
    for person in (ada, maria, nina, nobody):
        found = await person.ask("query($id: ID!) { node(id: $id) { id } review(id: $id) { id } reviews { nodes { id } totalCount } }", id=written["id"])  # fmt: skip
        assert found == {"node": None, "review": None, "reviews": {"nodes": [], "totalCount": 0}}
    assert await counters() == {"LOGO": [0] * 5, "NINA": [0] * 5}
    assert await Review.all().count() == 1
    event = await TrackingEvent.get(kind="review.deleted")
    assert (event.actor, event.details) == ("ADA", {"reason": "Asked for."})
    assert await outbox() == ["review.deleted"]
