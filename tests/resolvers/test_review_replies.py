"""Replies of vendors: one per review, public, deleted by admins only."""

import asyncio

import pytest

from models import Review, TrackingEvent, sql
from tests.resolvers.payloads import codes


async def test_a_reply_is_public_mailed_to_the_author_and_final(
    review, nina, nobody, stored, outbox, ada
):
    written = await review()

    done = await nina.do("replyToReview", "review { reply { body } }", reviewId=written["id"], body="  Thank\r\nyou\u202e. ")  # fmt: skip
    before = await stored()
    again = await nina.do(
        "replyToReview", "review { id }", reviewId=written["id"], body="And again."
    )

    assert done == {"review": {"reply": {"body": "Thank\nyou."}}, "errors": []}
    assert codes(again) == ["ALREADY_REPLIED"]
    assert await stored() == before
    shown = await nobody.ask("{ reviews(filter: {hasReply: true}) { nodes { reply { body } } } }")
    assert shown["reviews"]["nodes"] == [{"reply": {"body": "Thank\nyou."}}]
    assert await outbox() == ["review.received", "review.replied"]


@pytest.mark.parametrize(
    ("body", "code"),
    [("", "BODY_TOO_SHORT"), (" \u200b ", "BODY_TOO_SHORT"), ("x" * 20_001, "BODY_TOO_LONG")],
)
async def test_a_reply_has_1_to_20000_characters(review, nina, stored, body, code):
    written = await review()
    before = await stored()

    payload = await nina.do("replyToReview", reviewId=written["id"], body=body)

    assert [(e["code"], e["field"]) for e in payload["errors"]] == [(code, ["input", "body"])]
    assert await stored() == before
    fine = await nina.do(
        "replyToReview", "review { reply { body } }", reviewId=written["id"], body="!"
    )
    assert fine["review"]["reply"]["body"] == "!"


async def test_of_many_concurrent_replies_one_is_stored(review, nina, outbox):
    written = await review()

    payloads = await asyncio.gather(
        *(
            nina.do("replyToReview", "review { reply { body } }", reviewId=written["id"], body=f"Thanks {n}.")
            for n in range(10)
        )
    )  # fmt: skip

    assert sorted(codes(payload) for payload in payloads) == [[], *[["ALREADY_REPLIED"]] * 9]
    winner = next(payload["review"] for payload in payloads if payload["review"])
    assert (await Review.get()).reply_body == winner["reply"]["body"]
    assert await outbox() == ["review.received", "review.replied"]


async def test_after_a_deleted_reply_the_vendor_may_reply_again_and_the_log_keeps_the_first(
    review, nina, ada, outbox
):
    written = await review()
    await nina.do("replyToReview", reviewId=written["id"], body="Rude words.")

    deleted = await ada.do("deleteReply", "review { reply { body } }", reviewId=written["id"], reason="Rude.")  # fmt: skip
    withdrawn = await outbox()
    second = await nina.do("replyToReview", "review { reply { body } }", reviewId=written["id"], body="Kind words.")  # fmt: skip

    assert deleted == {"review": {"reply": None}, "errors": []}
    assert withdrawn == ["review.received", "reply.deleted"]
    assert second["review"]["reply"]["body"] == "Kind words."
    assert (await TrackingEvent.get(kind="reply.deleted")).details == {
        "reason": "Rude.",
        "reply": "Rude words.",
    }
    assert await outbox() == ["review.received", "reply.deleted", "review.replied"]


async def test_the_right_to_reply_follows_the_review_when_the_service_changes_hands(
    review, feed, nina, omar, nobody
):
    written = await review()
    await feed(
        "ORDER-2",
        vendor={"externalId": "OMAR", "displayName": "Omar"},
        service={"externalId": "SITE", "title": "A site"},
    )
    # As older versions allowed; today the feed does not move a service that has reviews.
    await sql.execute(
        "UPDATE service SET vendor_id = (SELECT id FROM vendor WHERE external_id = 'OMAR')"
    )

    refused = await omar.do("replyToReview", reviewId=written["id"], body="My service now.")
    done = await nina.do("replyToReview", reviewId=written["id"], body="It was me.")

    assert (codes(refused), codes(done)) == (["NOT_THE_VENDOR"], [])
    found = await nobody.ask('{ a: vendor(ref: {externalId: "NINA"}) { ratingSummary { count } } b: vendor(ref: {externalId: "OMAR"}) { ratingSummary { count } } service(ref: {externalId: "LOGO"}) { vendor { externalId } ratingSummary { count } reviews { nodes { vendor { externalId } } } } }')  # fmt: skip
    assert found == {
        "a": {"ratingSummary": {"count": 1}},
        "b": {"ratingSummary": {"count": 0}},
        "service": {
            "vendor": {"externalId": "OMAR"},
            "ratingSummary": {"count": 1},
            "reviews": {"nodes": [{"vendor": {"externalId": "NINA"}}]},
        },
    }


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_reply_takes_two_statements(review, nina, statements):
    written = await review()
    ran = statements()

    payload = await nina.do("replyToReview", reviewId=written["id"], body="Thank you.")

    assert payload == {"errors": []}
    assert len(ran) == 2, ran
