"""An edit of a published review waits for a decision; the version before it stays public."""

import asyncio

import pytest

from models import OutboxMail, PendingVersion, Review, TrackingEvent
from resolvers import rating_counters
from tests.resolvers.payloads import codes

ALL = """review { id rating body status editedAt editedBy publishedAt
  pendingVersion { rating body submittedAt subRatings { communication quality value } }
  revisions { rating body replacedAt replacedBy } reply { createdAt repliedToVersionAt } }"""
SHOWN = f"query($id: ID!) {{ {ALL.replace('review {', 'review(id: $id) {')} }}"
QUEUE = """query($filter: ReviewFilter, $by: ReviewOrder!) {
  reviews(filter: $filter, orderBy: $by) { totalCount totalCountIsExact nodes { body } } }"""
ONE = {"LOGO": [0, 0, 0, 0, 1], "NINA": [0, 0, 0, 0, 1]}


@pytest.fixture
async def moderated(ada):
    """Switch moderation on after the first review was published."""

    async def switch(on=True):
        await ada.do("updateSettings", reviewModeration=on)

    return switch


@pytest.fixture
async def edited(review, moderated, maria):
    """A published review of five stars with an edit to one star that waits."""
    written = await review()
    await moderated()
    payload = await maria.do("editReview", ALL, reviewId=written["id"], rating=1, body="It broke after a day.")  # fmt: skip
    assert payload["errors"] == []
    return payload["review"]


async def shown(person, review):
    return (await person.ask(SHOWN, id=review["id"]))["review"]


async def test_the_version_before_it_stays_public_and_counted(
    edited, counters, nobody, nina, maria, ada, sam
):
    assert (edited["status"], edited["rating"], edited["editedAt"]) == ("APPROVED", 5, None)
    assert edited["revisions"] == []
    waits = edited["pendingVersion"]
    assert (waits["rating"], waits["body"]) == (1, "It broke after a day.")
    assert await counters() == ONE

    for person in (maria, ada):
        assert (await shown(person, edited))["pendingVersion"] == waits
    for person in (nobody, nina, sam):
        public = await shown(person, edited)
        assert (public["rating"], public["pendingVersion"]) == (5, None)


async def test_approved_it_takes_the_place_of_that_version(edited, ada, counters, nobody, outbox):
    waits = edited["pendingVersion"]

    approved = (await ada.do("approveReview", ALL, reviewId=edited["id"]))["review"]

    assert (approved["rating"], approved["body"]) == (1, "It broke after a day.")
    assert approved["publishedAt"] == edited["publishedAt"]
    assert (approved["editedAt"], approved["editedBy"]) == (waits["submittedAt"], "AUTHOR")
    assert approved["pendingVersion"] is None
    [revision] = approved["revisions"]
    assert (revision["rating"], revision["replacedBy"]) == (5, "AUTHOR")
    assert revision["replacedAt"] >= waits["submittedAt"]
    assert (await shown(nobody, edited))["rating"] == 1
    assert await counters() == {"LOGO": [1, 0, 0, 0, 0], "NINA": [1, 0, 0, 0, 0]}
    assert sorted(await outbox()) == ["review.edited", "review.published", "review.received"]


async def test_rejected_it_goes_and_a_second_rejection_takes_the_review_down(
    edited, ada, counters, nobody, outbox, maria
):
    refused = await ada.do("rejectReview", ALL, reviewId=edited["id"], reason="SPAM", note="No.")

    assert refused["review"] == {**edited, "pendingVersion": None}
    assert await counters() == ONE
    assert "review.edit_rejected" in await outbox()
    mail = await OutboxMail.get(mail="review.edit_rejected")
    assert mail.params["refused"] | {"rating": 1, "reason": "SPAM", "note": "No."} == mail.params["refused"]  # fmt: skip
    event = await TrackingEvent.get(kind="review.rejected")
    assert event.details["refused"]["body"] == "It broke after a day."

    again = await ada.do("rejectReview", ALL, reviewId=edited["id"], reason="SPAM")
    assert again["review"]["status"] == "REJECTED"
    assert await shown(nobody, edited) is None
    assert await counters() == {"LOGO": [0] * 5, "NINA": [0] * 5}


async def test_a_decision_about_another_version_is_a_conflict(edited, ada, maria, stored):
    was = edited["pendingVersion"]["submittedAt"]
    renewed = await maria.do("editReview", ALL, reviewId=edited["id"], rating=2)
    now = renewed["review"]["pendingVersion"]
    assert (now["rating"], now["body"]) == (2, "It broke after a day.")
    before = await stored()

    for expected in (was, None):
        late = await ada.do("approveReview", reviewId=edited["id"], expectedEditedAt=expected)
        assert codes(late) == ["CONFLICT"]
        late = await ada.do("rejectReview", reviewId=edited["id"], reason="SPAM", expectedEditedAt=expected)  # fmt: skip
        assert codes(late) == ["CONFLICT"]
    assert await stored() == before

    done = await ada.do("approveReview", ALL, reviewId=edited["id"], expectedEditedAt=now["submittedAt"])  # fmt: skip
    assert done["review"]["rating"] == 2
    assert len(done["review"]["revisions"]) == 1


async def test_a_repeated_rejection_with_the_version_does_not_take_the_review_down(edited, ada):
    given = {"reviewId": edited["id"], "reason": "SPAM", "expectedEditedAt": edited["pendingVersion"]["submittedAt"]}  # fmt: skip
    await ada.do("rejectReview", ALL, **given)

    again = await ada.do("rejectReview", **given)

    assert codes(again) == ["CONFLICT"]
    assert (await Review.get()).status == "APPROVED"


async def test_an_edit_back_to_what_is_public_takes_it_back(edited, maria, ada):
    payload = await maria.do("editReview", ALL, reviewId=edited["id"], rating=5, body="Very good work, on time.")  # fmt: skip

    assert payload["review"] == {**edited, "pendingVersion": None}
    assert await PendingVersion.exists() is False
    assert (await ada.ask(QUEUE, filter={"awaitsDecision": True}, by="OLDEST"))["reviews"]["totalCount"] == 0  # fmt: skip


async def test_set_back_to_wait_the_review_waits_as_it_was_written_last(
    edited, ada, maria, counters, nobody
):
    decisions = [{"reviewId": edited["id"], "status": "PENDING"}]
    payload = await ada.do("moderateReviews", f"results {{ {ALL} errors {{ code }} }}", decisions=decisions)  # fmt: skip

    [result] = payload["results"]
    assert (result["review"]["status"], result["review"]["rating"]) == ("PENDING", 1)
    assert result["review"]["pendingVersion"] is None
    assert [each["rating"] for each in result["review"]["revisions"]] == [5]
    assert await counters() == {"LOGO": [0] * 5, "NINA": [0] * 5}
    assert await shown(nobody, edited) is None


async def test_an_admins_edit_shows_at_once_and_what_waits_goes_on_waiting(edited, ada, maria):
    now = (await ada.do("editReview", ALL, reviewId=edited["id"], body="Very good work!"))["review"]

    assert (now["body"], now["rating"], now["editedBy"]) == ("Very good work!", 5, "ADMIN")
    assert now["pendingVersion"] == edited["pendingVersion"]
    assert now["revisions"][0]["replacedBy"] == "ADMIN"

    approved = (await ada.do("approveReview", ALL, reviewId=edited["id"]))["review"]
    assert (approved["rating"], approved["editedBy"]) == (1, "AUTHOR")
    assert approved["editedAt"] > now["editedAt"]
    assert [each["replacedBy"] for each in approved["revisions"]] == ["ADMIN", "AUTHOR"]


async def test_with_moderation_off_an_edit_of_what_waits_is_public_at_once(
    edited, moderated, maria, review, ada, counters, outbox
):
    await moderated()
    waiting = await review("ORDER-2", rating=3)
    await moderated(False)

    first = (await maria.do("editReview", ALL, reviewId=edited["id"], rating=2))["review"]
    second = (await maria.do("editReview", ALL, reviewId=waiting["id"], rating=4))["review"]

    assert (first["rating"], first["body"]) == (2, "It broke after a day.")
    assert (first["pendingVersion"], first["status"]) == (None, "APPROVED")
    assert (second["status"], second["rating"]) == ("APPROVED", 4)
    assert second["publishedAt"] == second["editedAt"]
    assert await counters() == {"LOGO": [0, 1, 0, 1, 0], "NINA": [0, 1, 0, 1, 0]}
    assert (await outbox()).count("review.received") == 2


async def test_a_deleted_review_has_no_edit_that_waits(edited, ada, counters):
    await ada.do("deleteReview", reviewId=edited["id"], reason="A court asked for it.")

    assert await PendingVersion.exists() is False
    assert await counters() == {"LOGO": [0] * 5, "NINA": [0] * 5}


async def test_the_queue_has_reviews_and_edits_oldest_first(
    edited, review, maria, ada, nobody, nina, carl, sam
):
    await review("ORDER-2", body="The second of them.")
    await ada.do("updateSettings", reviewModeration=False)
    await review("ORDER-3", body="The third of them.")
    await ada.do("updateSettings", reviewModeration=True)

    for by, wanted in (
        ("OLDEST", slice(None)),
        ("NEWEST", slice(None, None, -1)),
        ("HIGHEST", None),
    ):
        found = (await ada.ask(QUEUE, filter={"awaitsDecision": True}, by=by))["reviews"]
        bodies = [each["body"] for each in found["nodes"]]
        waiting = ["Very good work, on time.", "The second of them."]
        assert bodies == waiting[wanted] if wanted else sorted(bodies) == sorted(waiting)
        assert (found["totalCount"], found["totalCountIsExact"]) == (2, True)
    mine = await maria.ask(QUEUE, filter={"awaitsDecision": True}, by="OLDEST")
    assert mine["reviews"]["totalCount"] == 2
    decided = await ada.ask(QUEUE, filter={"awaitsDecision": False}, by="OLDEST")
    assert [each["body"] for each in decided["reviews"]["nodes"]] == ["The third of them."]
    searched = await ada.ask(QUEUE, filter={"awaitsDecision": True, "search": "Very good"}, by="NEWEST")  # fmt: skip
    assert [each["body"] for each in searched["reviews"]["nodes"]] == ["Very good work, on time."]
    for status, number in (("APPROVED", 1), ("PENDING", 1), ("REJECTED", 0)):
        found = await ada.ask(QUEUE, filter={"awaitsDecision": True, "status": status}, by="NEWEST")
        assert found["reviews"]["totalCount"] == len(found["reviews"]["nodes"]) == number
    # Nobody else learns that an edit waits.
    for person in (nobody, nina, carl, sam):
        found = await person.ask(QUEUE, filter={"awaitsDecision": True}, by="NEWEST")
        assert found["reviews"]["totalCount"] == len(found["reviews"]["nodes"]) == 0
        found = await person.ask(QUEUE, filter={"awaitsDecision": False}, by="NEWEST")
        assert found["reviews"]["totalCount"] == len(found["reviews"]["nodes"]) == 2


async def test_a_reply_says_which_version_it_answered(edited, nina, ada, maria, nobody):
    await nina.do("replyToReview", reviewId=edited["id"], body="Thank you!")
    created = (await Review.get()).created_at
    await ada.do("approveReview", reviewId=edited["id"])

    public = await shown(nobody, edited)

    assert public["reply"]["repliedToVersionAt"] == created.isoformat()
    assert public["reply"]["createdAt"] > public["editedAt"] > public["reply"]["repliedToVersionAt"]
    await ada.do("deleteReply", reviewId=edited["id"], reason="By mistake.")
    await nina.do("replyToReview", reviewId=edited["id"], body="We are sorry!")
    public = await shown(nobody, edited)
    assert public["reply"]["repliedToVersionAt"] == public["editedAt"]


async def test_an_edit_of_others_or_of_what_is_gone_changes_nothing(
    edited, carl, sam, nina, ada, maria, stored
):
    before = await stored()
    for person, code in ((carl, "FORBIDDEN"), (sam, "FORBIDDEN"), (nina, "FORBIDDEN")):
        assert codes(await person.do("editReview", reviewId=edited["id"], rating=3)) == [code]
        assert await stored() == before
    await ada.do("deleteReview", reviewId=edited["id"], reason="A court asked for it.")
    before = await stored()
    assert codes(await maria.do("editReview", reviewId=edited["id"], rating=3)) == ["NOT_FOUND"]
    assert await stored() == before


async def test_edits_against_an_approval_at_once(edited, maria, ada, counters):
    """Each of them finds the other's work whole: no version is lost, none counted twice."""
    edits = [
        maria.do(
            "editReview",
            ALL,
            reviewId=edited["id"],
            rating=1 + number % 4,
            body=f"Take {number} of many.",
        )
        for number in range(50)
    ]
    decisions = [ada.do("approveReview", ALL, reviewId=edited["id"]) for _ in range(3)]

    payloads = await asyncio.gather(*edits[:25], *decisions, *edits[25:])

    assert [codes(each) for each in payloads if each["errors"]] == []
    await ada.do("approveReview", reviewId=edited["id"])
    now = await shown(ada, edited)
    assert now["pendingVersion"] is None
    assert now["body"] in {f"Take {number} of many." for number in range(50)}
    assert await rating_counters.drifts() == []
    assert sum((await counters())["LOGO"]) == 1
    times = [each["replacedAt"] for each in now["revisions"]]
    assert times == sorted(times)
