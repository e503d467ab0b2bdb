"""Limits on steps about one order apply whatever the budget; people do not reach them."""

from datetime import UTC, datetime, timedelta

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import ReviewRevision, TrackingEvent, UpdateNote, clock
from resolvers import frequency
from schema import ids

LATER = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(frequency, "MAX_RECENT", 5)
    monkeypatch.setattr(frequency, "MAX_EVER", 8)


@pytest.fixture
def link(nobody, settings):
    """A guest with the token of a link."""

    def holder(purpose, id, number=0):
        token = sign(settings.secret, Claim(purpose, ids.decode(id)[1], 1, number, LATER))
        return type(nobody)(nobody.client, token)

    return holder


async def _edits(person, review, numbers):
    """The error codes of each edit."""
    codes = []
    for number in numbers:
        payload = await person.do(
            "editReview", reviewId=review["id"], body=f"Very good work, version {number}."
        )
        codes.append([error["code"] for error in payload["errors"]])
    return codes


async def test_edits_of_a_review_are_limited(review, maria, stored):
    written = await review()

    assert await _edits(maria, written, range(5)) == [[]] * 5
    before = await stored()
    assert await _edits(maria, written, range(5, 8)) == [["TOO_OFTEN"]] * 3
    assert await stored() == before


async def test_after_an_hour_edits_are_allowed_again_up_to_the_total(review, maria, at):
    now, written = clock.now(), await review()

    assert (await _edits(maria, written, range(6)))[-1] == ["TOO_OFTEN"]
    at(now + timedelta(minutes=61))
    assert await _edits(maria, written, range(10, 14)) == [[], [], [], ["TOO_OFTEN"]]
    at(now + timedelta(minutes=130))
    assert await _edits(maria, written, [20]) == [["TOO_OFTEN"]]
    assert await ReviewRevision.all().count() == 8


async def test_an_authors_limit_does_not_affect_others_and_unchanged_edits_do_not_count(
    review, maria, ada
):
    written = await review()
    await _edits(maria, written, range(6))

    assert await _edits(maria, written, [4]) == [[]]
    assert await _edits(ada, written, [7]) == [[]]
    assert await _edits(maria, await review("ORDER-2"), [1]) == [[]]


async def test_edits_by_a_link_are_limited_too(review, feed, link):
    written = await review()
    order = (await feed())["order"]["id"]

    assert (await _edits(link(Purpose.REVIEW, order), written, range(6)))[-1] == ["TOO_OFTEN"]


async def test_the_page_refuses_what_the_api_refuses(review, feed, ada, link, client, stored):
    written = await review()
    guest = link(Purpose.REVIEW, (await feed())["order"]["id"])
    await _edits(guest, written, range(5))
    await ada.do("rejectReview", reviewId=written["id"], reason="OTHER")
    before = await stored()

    answer = await client.post(
        f"/r/{guest.token}", data={"rating": "4", "body": "Very good work, again."}
    )

    assert answer.status_code == 422
    assert "Nothing was stored yet." in answer.text
    assert await stored() == before


@pytest.mark.parametrize("by", ["maria", "sam"])
async def test_notes_are_limited(open_update, act, request, by, stored):
    person, update = request.getfixturevalue(by), await open_update(by=request.getfixturevalue(by))
    codes = [
        (await act(person, "postNote", update, body=f"Note {number}"))["errors"]
        for number in range(6)
    ]

    assert codes[:4] == [[]] * 4
    assert [error["code"] for error in codes[-1]] == ["TOO_OFTEN"]
    assert await UpdateNote.all().count() == 4
    before = await stored()
    await act(person, "postNote", update, body="One more")
    assert await stored() == before


async def test_opened_updates_are_limited(open_update, feed, maria):
    await feed()
    codes = []
    for number in range(6):
        given = {"order": {"externalId": "ORDER-1"}, "title": f"Where is it? {number}"}
        codes.append((await maria.do("openUpdate", **given))["errors"])

    assert codes[:5] == [[]] * 5
    assert [error["code"] for error in codes[-1]] == ["TOO_OFTEN"]


async def test_solving_and_reopening_are_limited(open_update, sam, act):
    update, codes = await open_update(), []
    for _ in range(4):
        for mutation, given in (("solveUpdate", {"notifyCustomer": False}), ("reopenUpdate", {})):
            codes += [
                error["code"] for error in (await act(sam, mutation, update, **given))["errors"]
            ]

    assert "TOO_OFTEN" in codes
    assert await TrackingEvent.all().count() == 5


async def test_decisions_on_a_review_are_limited(review, ada):
    written, codes = await review(), []
    for number in range(6):
        given = {"reason": "OTHER"} if number % 2 == 0 else {}
        mutation = "rejectReview" if given else "approveReview"
        payload = await ada.do(mutation, reviewId=written["id"], **given)
        codes += [error["code"] for error in payload["errors"]]

    assert codes == ["TOO_OFTEN"]


async def test_votes_leave_no_history(review, carl, stored):
    written = await review()
    before = await stored()
    for _ in range(10):
        await carl.do("voteHelpful", reviewId=written["id"])
        await carl.do("withdrawVote", reviewId=written["id"])

    assert await stored() == before
