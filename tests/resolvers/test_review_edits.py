"""Edits of reviews: validated, kept as revisions, moderated again."""

import pytest

from models import TrackingEvent
from tests.resolvers.payloads import EDITED, codes


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
    assert await outbox() == ["review.received", "review.edited"]


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
    assert sorted(await outbox()) == [
        "review.edited",
        "review.edited_by_admin",
        "review.published",
        "review.received",
    ]


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
