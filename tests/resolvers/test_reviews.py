"""Reviews: created once per order, edited while the window is open, deleted permanently."""

import asyncio
import itertools

import pytest

from models import Review, ReviewVote, TrackingEvent, sql

GIVEN = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": "Very good work."}
EDITED = "review { id rating body status editedAt publishedAt subRatings { communication quality value } revisions { rating body } moderation { status reason note } }"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def codes(payload):
    return [error["code"] for error in payload["errors"]]


BODIES = [
    ("x" * 9, "BODY_TOO_SHORT"),
    ("x" * 10, "x" * 10),
    ("x" * 20_000, "x" * 20_000),
    ("x" * 20_001, "BODY_TOO_LONG"),
    ("", "BODY_TOO_SHORT"),
    ("x", "BODY_TOO_SHORT"),
    (" " * 50, "BODY_TOO_SHORT"),
    ("\u00a0\u2003\u3000" * 10, "BODY_TOO_SHORT"),
    (" \n\t" + "x" * 9 + " \r\n", "BODY_TOO_SHORT"),
    ("  \n" + "x" * 10 + "\t ", "x" * 10),
    ("x" * 20_000 + " " * 500, "x" * 20_000),
    ("123456789\x00", "BODY_TOO_SHORT"),
    ("1234\x00567890", "1234567890"),
    ("12345\x07\x1b67890\x7f\x9f", "1234567890"),
    ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
    ("\u202e123456789\u2066\u200f", "BODY_TOO_SHORT"),
    ("\u202e1234567890\u2066\u200f", "1234567890"),
    ("123456789" + "\u200b" * 30, "BODY_TOO_SHORT"),
    ("123456789" + "\u00ad\ufeff\u2060" * 10, "BODY_TOO_SHORT"),
    ("\u200b" * 30, "BODY_TOO_SHORT"),
    ("\U000e0041" * 30, "BODY_TOO_SHORT"),
    ("\u3164" * 30, "BODY_TOO_SHORT"),
    ("\u2800" * 30, "BODY_TOO_SHORT"),
    ("\u115f\u1160\uffa0\u034f\ufe0f" * 9, "BODY_TOO_SHORT"),
    ("👍" * 9, "BODY_TOO_SHORT"),
    ("👍" * 10, "👍" * 10),
    (FAMILY * 3, FAMILY * 3),
    ("Größe, 日本語です", "Größe, 日本語です"),
    ("<script>alert(1)</script> & 'x'", "<script>alert(1)</script> & 'x'"),
    ("می‌خواهم کتاب", "می‌خواهم کتاب"),
    ("x" * 20_000 + "\u200b" * 30_000, "BODY_TOO_LONG"),
    ("x\n" * 30_000, "BODY_TOO_LONG"),
]


async def test_a_body_has_10_to_20000_visible_characters(feed, maria, stored):
    for place, (body, expected) in enumerate(BODIES):
        name = f"ORDER-{place}"
        await feed(name)
        before = await stored()

        payload = await maria.do(
            "createReview", "review { body }", order={"externalId": name}, rating=5, body=body
        )

        if expected.startswith("BODY_"):
            assert [(body, e["code"], e["field"]) for e in payload["errors"]] == [
                (body, expected, ["input", "body"])
            ]
            assert await stored() == before
        else:
            assert payload == {"review": {"body": expected}, "errors": []}


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


async def test_an_edit_changes_only_the_given_values_and_keeps_a_revision(
    review, maria, counters, outbox
):
    written = await review(rating=5, communication=4, value=2)

    first = await maria.do("editReview", EDITED, reviewId=written["id"], rating=3)
    second = await maria.do(
        "editReview", EDITED, reviewId=written["id"], body="Second thoughts.", communication=None
    )

    assert (first["review"]["rating"], first["review"]["body"]) == (3, written["body"])
    assert second["review"]["rating"] == 3
    assert second["review"]["body"] == "Second thoughts."
    assert second["review"]["subRatings"] == {"communication": None, "quality": None, "value": 2}
    assert second["review"]["revisions"] == [
        {"rating": 5, "body": written["body"]},
        {"rating": 3, "body": written["body"]},
    ]
    assert second["review"]["status"] == "APPROVED"
    assert second["review"]["publishedAt"] == written["publishedAt"]
    assert await counters() == {"LOGO": [0, 0, 1, 0, 0], "NINA": [0, 0, 1, 0, 0]}
    assert await outbox() == ["review.received"]


async def test_an_edit_that_changes_nothing_leaves_no_trace(review, maria, stored):
    written = await review(communication=4)
    before = await stored()

    payload = await maria.do(
        "editReview", EDITED, reviewId=written["id"], rating=5, body=" Very good work, on time. ", communication=4
    )  # fmt: skip

    assert payload["errors"] == []
    assert payload["review"]["editedAt"] is None
    assert await stored() == before


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"rating": 0}, "RATING_OUT_OF_RANGE", "rating"),
        ({"rating": 6}, "RATING_OUT_OF_RANGE", "rating"),
        ({"quality": 6}, "RATING_OUT_OF_RANGE", "quality"),
        ({"body": "short"}, "BODY_TOO_SHORT", "body"),
        ({"body": "x" * 20_001}, "BODY_TOO_LONG", "body"),
        ({"rating": None}, "INVALID", "rating"),
        ({"body": None}, "INVALID", "body"),
    ],
)
async def test_an_edit_is_validated(review, maria, ada, stored, change, code, field):
    written = await review()
    before = await stored()

    for person in (maria, ada):
        payload = await person.do("editReview", reviewId=written["id"], **change)
        assert [(e["code"], e["field"]) for e in payload["errors"]] == [(code, ["input", field])]

    assert await stored() == before


@pytest.mark.parametrize("status", ["REFUNDED", "CANCELLED", "DISPUTED", "IN_PROGRESS"])
async def test_an_authors_edit_needs_a_reviewable_order_but_an_admins_does_not(
    review, feed, maria, ada, stored, status
):
    written = await review()
    await feed(status=status)
    before = await stored()

    refused = await maria.do("editReview", reviewId=written["id"], rating=1)
    assert codes(refused) == [
        "ORDER_NOT_COMPLETED" if status == "IN_PROGRESS" else f"ORDER_{status}"
    ]
    assert await stored() == before

    done = await ada.do("editReview", "review { rating }", reviewId=written["id"], rating=4)
    assert done == {"review": {"rating": 4}, "errors": []}


async def test_an_admins_edit_is_kept_as_a_revision_and_logged_with_the_name(review, ada, maria):
    written = await review()

    await ada.do("editReview", reviewId=written["id"], body="The admin's own words.")

    shown = await maria.ask("query($id: ID!) { review(id: $id) { body status revisions { body } } }", id=written["id"])  # fmt: skip
    assert shown["review"] == {
        "body": "The admin's own words.",
        "status": "APPROVED",
        "revisions": [{"body": written["body"]}],
    }
    event = await TrackingEvent.get(kind="review.edited")
    assert (event.actor_role, event.actor) == ("ADMIN", "ADA")


async def test_with_moderation_on_an_authors_edit_is_pending_but_an_admins_is_not(
    review, maria, ada, counters, nobody, outbox
):
    written = await review()
    await ada.do("updateSettings", reviewModeration=True)

    by_admin = await ada.do("editReview", EDITED, reviewId=written["id"], rating=4)
    by_author = await maria.do("editReview", EDITED, reviewId=written["id"], rating=3)
    held = await counters()
    found = await nobody.ask("query($id: ID!) { review(id: $id) { id } reviews { totalCount } }", id=written["id"])  # fmt: skip
    approved = await ada.do("approveReview", EDITED, reviewId=written["id"])

    assert by_admin["review"]["status"] == "APPROVED"
    assert by_author["review"]["status"] == "PENDING"
    assert held == {"LOGO": [0] * 5, "NINA": [0] * 5}
    assert found == {"review": None, "reviews": {"totalCount": 0}}
    assert approved["review"]["publishedAt"] == written["publishedAt"]
    assert await counters() == {"LOGO": [0, 0, 1, 0, 0], "NINA": [0, 0, 1, 0, 0]}
    assert await outbox() == ["review.received"]


@pytest.mark.parametrize("moderated", [False, True])
async def test_an_edited_rejected_review_is_pending_whatever_the_setting(
    review, maria, ada, counters, moderated
):
    written = await review()
    await ada.do("rejectReview", reviewId=written["id"], reason="OFF_TOPIC", note="About the post.")
    await ada.do("updateSettings", reviewModeration=moderated)

    first = await maria.do("editReview", EDITED, reviewId=written["id"], body="Now on the topic.")
    second = await maria.do("editReview", EDITED, reviewId=written["id"], body="Now on it, really.")

    assert (first["review"]["status"], first["review"]["moderation"]) == ("PENDING", None)
    assert second["review"]["status"] == "PENDING"
    assert await counters() == {"LOGO": [0] * 5, "NINA": [0] * 5}


async def test_moderation_does_not_depend_on_the_stars(feed, maria, ada, sam):
    stories = {}
    for stars in range(1, 6):
        await ada.do("updateSettings", reviewModeration=False)
        await feed(f"ORDER-{stars}")
        steps = []

        async def look(payload, steps=steps):
            steps.append((payload["review"] or {}).get("status") or codes(payload))

        made = await maria.do("createReview", EDITED, order={"externalId": f"ORDER-{stars}"}, rating=stars, body="Word for word.")  # fmt: skip
        key = {"reviewId": made["review"]["id"]}
        await look(made)
        await ada.do("updateSettings", reviewModeration=True)
        await look(await maria.do("editReview", EDITED, **key, body="Word for word again."))
        await look(await sam.do("approveReview", EDITED, **key))
        await look(await ada.do("approveReview", EDITED, **key))
        await look(await ada.do("rejectReview", EDITED, **key, reason="OTHER"))
        await look(await maria.do("editReview", EDITED, **key, body="Word for word once more."))
        await look(
            await maria.do("editReview", EDITED, **key, rating=6 - stars, communication=stars)
        )
        await look(await ada.do("approveReview", EDITED, **key))
        stories[stars] = steps

    assert all(story == stories[1] for story in stories.values())
    assert stories[1] == ["APPROVED", "PENDING", ["FORBIDDEN"], "APPROVED", "REJECTED", "PENDING", "PENDING", "APPROVED"]  # fmt: skip


# Status before and after, the change of the counter, and the promised mails.
TRANSITIONS = [
    ("PENDING", "APPROVED", 1, ["review.published", "review.received"]),
    ("PENDING", "REJECTED", 0, ["review.rejected"]),
    ("PENDING", "PENDING", 0, []),
    ("APPROVED", "REJECTED", -1, ["review.rejected"]),
    ("APPROVED", "PENDING", -1, []),
    ("APPROVED", "APPROVED", 0, []),
    ("REJECTED", "APPROVED", 1, ["review.published", "review.received"]),
    ("REJECTED", "PENDING", 0, []),
    ("REJECTED", "REJECTED", 0, []),
]


@pytest.mark.parametrize(("before", "after", "change", "mails"), TRANSITIONS)
async def test_a_decision_changes_status_counters_and_mails(
    review, ada, counters, outbox, before, after, change, mails
):
    await ada.do("updateSettings", reviewModeration=before != "APPROVED")
    written = await review()
    if before == "REJECTED":
        await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
    promised = await outbox()
    decision = {"reviewId": written["id"], "status": after}
    if after == "REJECTED":
        decision["reason"] = "SPAM"

    payload = await ada.do(
        "moderateReviews", "results { review { status moderation { status reason } } errors { code } }", decisions=[decision]
    )  # fmt: skip

    found = payload["results"][0]["review"]
    assert payload["results"][0]["errors"] == []
    assert found["status"] == after
    moderated = None if after == "PENDING" or before == after == "APPROVED" else after
    assert (found["moderation"] or {}).get("status") == moderated
    total = int(before == "APPROVED") + change
    assert (await counters()).get("LOGO", [0] * 5) == [0, 0, 0, 0, total]
    assert (await counters()).get("NINA", [0] * 5) == [0, 0, 0, 0, total]
    assert sorted((await outbox())[len(promised) :]) == mails


async def test_the_vendor_and_the_author_get_mails_about_the_first_publication_only(
    review, ada, outbox
):
    await ada.do("updateSettings", reviewModeration=True)
    written = await review()

    for _ in range(3):
        await ada.do("approveReview", reviewId=written["id"])
        await ada.do(
            "moderateReviews", "results { errors { code } }", decisions=[{"reviewId": written["id"], "status": "PENDING"}]
        )  # fmt: skip

    assert sorted(await outbox()) == ["review.published", "review.received"]


async def test_a_decision_on_an_outdated_text_is_a_conflict(review, maria, ada, stored):
    await ada.do("updateSettings", reviewModeration=True)
    written = await review()
    first = await maria.do("editReview", EDITED, reviewId=written["id"], body="The first edition.")
    read = first["review"]["editedAt"]
    second = await maria.do("editReview", EDITED, reviewId=written["id"], body="Changed meanwhile.")
    before = await stored()

    for mutation, more in (("approveReview", {}), ("rejectReview", {"reason": "SPAM"})):
        payload = await ada.do(mutation, reviewId=written["id"], expectedEditedAt=read, **more)
        assert [(e["code"], e["field"]) for e in payload["errors"]] == [
            ("CONFLICT", ["input", "expectedEditedAt"])
        ]

    assert await stored() == before
    fresh = second["review"]["editedAt"]
    payload = await ada.do("approveReview", EDITED, reviewId=written["id"], expectedEditedAt=fresh)
    assert payload["review"]["status"] == "APPROVED"


async def test_a_decision_on_a_text_edited_for_the_first_time_is_a_conflict(
    review, maria, ada, stored
):
    await ada.do("updateSettings", reviewModeration=True)
    written = await review()
    await maria.do("editReview", reviewId=written["id"], body="Changed meanwhile.")
    before = await stored()

    payload = await ada.do("approveReview", reviewId=written["id"], expectedEditedAt=None)

    assert codes(payload) == ["CONFLICT"]
    assert await stored() == before


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"status": "REJECTED"}, "INVALID", "reason"),
        ({"status": "APPROVED", "reason": "SPAM"}, "INVALID", "reason"),
        ({"status": "PENDING", "reason": "SPAM"}, "INVALID", "reason"),
        ({"status": "APPROVED", "note": "x" * 2001}, "INVALID", "note"),
        ({"status": "APPROVED", "expectedEditedAt": "2026-01-01"}, "INVALID", "expectedEditedAt"),
    ],
)
async def test_an_invalid_decision_is_refused(review, ada, stored, given, code, field):
    written = await review()
    before = await stored()

    payload = await ada.do(
        "moderateReviews", "results { errors { code field } }", decisions=[{"reviewId": written["id"], **given}]
    )  # fmt: skip

    assert payload["results"][0]["errors"] == [
        {"code": code, "field": ["input", "decisions", "0", field]}
    ]
    assert await stored() == before


async def test_101_decisions_are_refused_and_100_are_accepted(review, ada, stored):
    written = await review()
    decision = {"reviewId": written["id"], "status": "REJECTED", "reason": "SPAM"}
    before = await stored()

    refused = await ada.do("moderateReviews", "results { reviewId }", decisions=[decision] * 101)

    assert (codes(refused), refused["results"]) == (["INVALID"], [])
    assert await stored() == before
    done = await ada.do(
        "moderateReviews", "results { errors { code } }", decisions=[decision] * 100
    )
    assert done["results"] == [{"errors": []}] * 100


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
    assert await outbox() == []


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
    assert withdrawn == ["review.received"]
    assert second["review"]["reply"]["body"] == "Kind words."
    assert (await TrackingEvent.get(kind="reply.deleted")).details == {
        "reason": "Rude.",
        "reply": "Rude words.",
    }
    assert await outbox() == ["review.received", "review.replied"]


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


async def test_fifty_concurrent_votes_are_all_counted(review, person, nobody):
    written = await review()
    people = [person("customer", f"VOTER-{n}") for n in range(50)]
    vote = {"reviewId": written["id"]}

    payloads = await asyncio.gather(
        *(each.do("voteHelpful", "review { viewerHasVoted }", **vote) for each in people)
    )

    assert payloads == [{"review": {"viewerHasVoted": True}, "errors": []}] * 50
    shown = await nobody.ask("query($id: ID!) { review(id: $id) { helpfulCount viewerHasVoted } }", id=written["id"])  # fmt: skip
    assert shown["review"] == {"helpfulCount": 50, "viewerHasVoted": False}
    assert await ReviewVote.all().count() == 50


async def test_repeated_votes_and_withdrawals_of_one_person_count_once(review, carl):
    written = await review()
    vote = {"reviewId": written["id"]}
    look = "review { helpfulCount viewerHasVoted }"

    votes = await asyncio.gather(*(carl.do("voteHelpful", look, **vote) for _ in range(10)))
    after = await carl.do("voteHelpful", look, **vote)
    backs = await asyncio.gather(*(carl.do("withdrawVote", look, **vote) for _ in range(10)))
    end = await carl.do("withdrawVote", look, **vote)

    assert all(payload["errors"] == [] for payload in votes + backs)
    assert after["review"] == {"helpfulCount": 1, "viewerHasVoted": True}
    assert end["review"] == {"helpfulCount": 0, "viewerHasVoted": False}


async def test_a_vote_changes_nothing_but_itself_and_the_count(review, carl, stored):
    written = await review()
    before = await stored()

    await carl.do("voteHelpful", reviewId=written["id"])

    after = await stored()
    assert after["review"][0] == before["review"][0] | {"helpful_count": 1}
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"review", "review_vote"}


async def test_votes_are_refused_while_they_are_off(review, carl, ada, stored):
    written = await review()
    await carl.do("voteHelpful", reviewId=written["id"])
    await ada.do("updateSettings", helpfulVotesEnabled=False)
    before = await stored()

    for mutation in ("voteHelpful", "withdrawVote"):
        payload = await carl.do(mutation, reviewId=written["id"])
        assert codes(payload) == ["VOTES_DISABLED"]

    assert await stored() == before


async def test_the_vendors_own_person_does_not_vote_for_the_vendor(review, person, stored):
    written = await review()
    nina_shopping = person("customer", "NINA")
    before = await stored()

    payload = await nina_shopping.do("voteHelpful", reviewId=written["id"])

    assert codes(payload) == ["FORBIDDEN"]
    assert await stored() == before


async def test_concurrent_edits_decisions_and_votes_leave_exact_counters(
    review, maria, ada, carl, counters
):
    written = await review()
    key = {"reviewId": written["id"]}
    steps = itertools.chain.from_iterable(
        (
            maria.do("editReview", **key, rating=n % 5 + 1),
            ada.do("rejectReview", **key, reason="SPAM"),
            ada.do("approveReview", **key),
            carl.do("voteHelpful", **key),
        )
        for n in range(8)
    )

    await asyncio.gather(*steps)
    await ada.do("approveReview", **key)

    stars = (await Review.get()).rating
    expected = [int(n == stars) for n in range(1, 6)]
    assert await counters() == {"LOGO": expected, "NINA": expected}
