"""Edits of reviews: validated, kept as revisions, moderated again."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from models import Order, Review, TrackingEvent
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


@pytest.mark.parametrize("status", ["REFUNDED", "CANCELLED", "IN_PROGRESS"])
async def test_an_order_that_ends_otherwise_freezes_nothing(review, feed, maria, counters, status):
    written = await review()
    await feed(status=status)

    done = await maria.do("editReview", EDITED, reviewId=written["id"], rating=1)

    assert (done["errors"], done["review"]["rating"]) == ([], 1)
    assert await counters() == {"LOGO": [1, 0, 0, 0, 0], "NINA": [1, 0, 0, 0, 0]}


async def test_an_open_dispute_freezes_what_the_author_wrote(review, feed, maria, ada, stored):
    written = await review()
    await feed(status="DISPUTED")
    before = await stored()

    refused = await maria.do("editReview", reviewId=written["id"], rating=1)
    assert codes(refused) == ["ORDER_DISPUTED"]
    assert await stored() == before

    done = await ada.do("editReview", "review { rating }", reviewId=written["id"], rating=4)
    assert done == {"review": {"rating": 4}, "errors": []}


async def test_the_time_to_edit_counts_from_the_publication(review, maria, ada, stored):
    written = await review()
    await ada.do("updateSettings", reviewEditDays=3, timeZone="Europe/Berlin", reviewWindowDays=1)
    await Review.all().update(published_at=datetime.now(UTC) - timedelta(days=2))
    in_time = await maria.do("editReview", EDITED, reviewId=written["id"], rating=4)
    await Review.all().update(published_at=datetime.now(UTC) - timedelta(days=5))
    before = await stored()

    late = await maria.do("editReview", "errors { message }", reviewId=written["id"], rating=1)

    assert in_time["errors"] == []
    assert codes(late) == ["WINDOW_CLOSED"]
    last_day = (datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(days=2)).date()
    assert late["errors"][0]["message"] == f"The time to edit this review ended with {last_day}."
    assert await stored() == before
    by_admin = await ada.do("editReview", EDITED, reviewId=written["id"], rating=2)
    assert by_admin["errors"] == []
    await ada.do("updateSettings", reviewEditDays=0)
    assert (await maria.do("editReview", reviewId=written["id"], rating=1))["errors"] == []


async def test_what_was_never_published_can_always_be_edited(review, maria, ada):
    await ada.do("updateSettings", reviewModeration=True, reviewEditDays=1, reviewWindowDays=1)
    written = await review()
    await Review.all().update(created_at=datetime.now(UTC) - timedelta(days=99))
    await Order.all().update(completed_at=datetime.now(UTC) - timedelta(days=100))
    await ada.do("rejectReview", reviewId=written["id"], reason="OFF_TOPIC")

    done = await maria.do("editReview", EDITED, reviewId=written["id"], body="Now on the topic.")

    assert (done["errors"], done["review"]["status"]) == ([], "PENDING")


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
