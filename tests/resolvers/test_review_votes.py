"""Helpful votes: one per person, counted exactly."""

import asyncio
import contextvars

import pytest

from models import Review, ReviewVote, sql
from models.database import transaction
from tests.resolvers.payloads import codes
from tests.waiting import until_locked


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


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_vote_and_its_withdrawal_take_two_statements_each(review, carl, statements):
    vote = {"reviewId": (await review())["id"]}

    for mutation in ("voteHelpful", "withdrawVote"):
        ran = statements()
        assert await carl.do(mutation, **vote) == {"errors": []}
        assert len(ran) == 2, ran
        ran = statements()
        assert await carl.do(mutation, **vote) == {"errors": []}
        assert len(ran) == 1, ran


async def test_votes_and_withdrawals_of_one_person_at_once_leave_a_right_count(
    review, carl, person
):
    vote = {"reviewId": (await review())["id"]}
    await person("customer", "BOB").do("voteHelpful", **vote)

    for _ in range(5):
        payloads = await asyncio.gather(
            *(carl.do(each, **vote) for each in ("voteHelpful", "withdrawVote") * 5)
        )
        assert payloads == [{"errors": []}] * 10
        assert (await Review.get()).helpful_count == await ReviewVote.all().count()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_what_was_read_before_a_rejection_is_refused_and_changes_nothing(
    review, carl, nina, stored
):
    written = (await review())["id"]

    async with transaction():
        await sql.execute("UPDATE review SET status = 'REJECTED'")
        acts = [
            asyncio.create_task(act, context=contextvars.Context())
            for act in (
                carl.do("voteHelpful", reviewId=written),
                nina.do("replyToReview", reviewId=written, body="Thank you."),
            )
        ]
        await until_locked()
        before = await stored()
    vote, reply = await asyncio.gather(*acts)

    assert (codes(vote), codes(reply)) == (["NOT_FOUND"], ["NOT_PUBLISHED"])
    assert await stored() == before
