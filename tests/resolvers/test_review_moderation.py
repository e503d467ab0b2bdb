"""Decisions of admins: status, counters and mails, whatever the stars."""

import asyncio
import itertools
from collections import Counter

import pytest

from models import OutboxMail, Review
from tests.resolvers.payloads import EDITED, codes


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
    assert stories[1] == ["APPROVED", "APPROVED", ["FORBIDDEN"], "APPROVED", "REJECTED", "PENDING", "PENDING", "APPROVED"]  # fmt: skip


# Status before and after, the change of the counter, and the mails that remain to be sent. Those that
# are true no longer are withdrawn.
TRANSITIONS = [
    ("PENDING", "APPROVED", 1, ["review.published", "review.received"]),
    ("PENDING", "REJECTED", 0, ["review.rejected"]),
    ("PENDING", "PENDING", 0, []),
    ("APPROVED", "REJECTED", -1, ["review.withdrawn"]),
    ("APPROVED", "PENDING", -1, ["review.withdrawn"]),
    ("APPROVED", "APPROVED", 0, ["review.received"]),
    ("REJECTED", "APPROVED", 1, ["review.published", "review.received"]),
    ("REJECTED", "PENDING", 0, ["review.rejected"]),
    ("REJECTED", "REJECTED", 0, ["review.rejected"]),
]


@pytest.mark.parametrize(("before", "after", "change", "mails"), TRANSITIONS)
async def test_a_decision_changes_status_counters_and_mails(
    review, ada, counters, outbox, before, after, change, mails
):
    await ada.do("updateSettings", reviewModeration=before != "APPROVED")
    written = await review()
    if before == "REJECTED":
        await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
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
    assert sorted(await outbox()) == mails


async def test_the_author_is_told_each_time_and_the_vendor_of_the_first_publication(
    review, ada, outbox
):
    await ada.do("updateSettings", reviewModeration=True)
    written = await review()

    for _ in range(3):
        await ada.do("approveReview", reviewId=written["id"])
        assert "review.published" in (await outbox())[-2:]
        await OutboxMail.filter(status="SCHEDULED").update(status="SENT")
        await ada.do("rejectReview", reviewId=written["id"], reason="SPAM")
        assert await outbox() == ["review.withdrawn"]
        await OutboxMail.filter(status="SCHEDULED").update(status="SENT")

    sent = Counter([row.mail async for row in OutboxMail.filter(status="SENT")])
    assert sent == {"review.published": 3, "review.withdrawn": 3, "review.received": 1}


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
