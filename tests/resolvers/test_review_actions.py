"""`viewerCan` and `viewerIsAuthor` say what the mutations do, for each role and state."""

from datetime import UTC, datetime, timedelta

import pytest

from models import Order, Review
from schema import ids

CAN = "viewerIsAuthor viewerCan { edit reply vote report moderate delete }"
ONE = f"query($id: ID!) {{ review(id: $id) {{ {CAN} }} }}"
PAGE = f"""query($ref: NodeRef!) {{ service(ref: $ref) {{
  reviews(first: 50) {{ nodes {{ body {CAN} }} }} }} }}"""
ACTS = {
    "edit": ("editReview", {"rating": 3}),
    "reply": ("replyToReview", {"body": "Thank you very much!"}),
    "vote": ("voteHelpful", {}),
    "moderate": ("rejectReview", {"reason": "SPAM", "note": "It is an advertisement."}),
    "delete": ("deleteReview", {"reason": "A court asked for it."}),
}
STATES = ("published", "replied", "pending", "rejected", "disputed", "votes off", "too late")


@pytest.fixture
async def people(nobody, maria, carl, nina, sam, ada, person, shop):
    """Everybody who may look at a review of Maria's about a service of Nina's."""
    return {
        "nobody": nobody,
        "author": maria,
        "customer": carl,
        "vendor": nina,
        "another vendor": person("vendor", "OTTO", name="Otto", vendor="OTTO"),
        "staff": sam,
        "moderator": person("moderator", "MO", name="Mo"),
        "admin": ada,
        "key": shop,
    }


@pytest.fixture
def made(review, feed, ada, nina):
    """Make a review in one of STATES; its id."""

    async def make(state, order):
        await ada.do("updateSettings", reviewModeration=state == "pending")
        written = await review(order)
        if state == "replied":
            await nina.do("replyToReview", reviewId=written["id"], body="Thank you!")
        if state == "rejected":
            await ada.do("rejectReview", reviewId=written["id"], reason="OTHER")
        if state == "disputed":
            await feed(order, status="DISPUTED")
        if state == "too late":
            await Review.all().update(published_at=datetime.now(UTC) - timedelta(days=9))
        return written["id"]

    return make


@pytest.mark.parametrize("state", STATES)
async def test_they_say_what_the_mutations_do(state, made, people, guest, ada):
    changes = {"votes off": {"helpfulVotesEnabled": False}, "too late": {"reviewEditDays": 1}}
    await ada.do("updateSettings", **changes.get(state, {}))
    number = 0
    for name in (*people, "guest"):
        for action, (mutation, input) in ACTS.items():
            number += 1
            review = await made(state, f"ORDER-{number}")
            order = await Order.get(external_id=f"ORDER-{number}")
            who = people.get(name) or guest(order=ids.encode("Order", order.id))
            told = (await who.ask(ONE, id=review))["review"]
            told = told or {"viewerIsAuthor": False, "viewerCan": {}}

            payload = await who.do(mutation, reviewId=review, **input)

            can = told["viewerCan"].get(action, False)
            assert can == (payload["errors"] == []), (state, name, action, payload)
            assert told["viewerIsAuthor"] == (name in {"author", "guest"})


async def test_a_page_of_them_takes_a_constant_number_of_statements(
    review, maria, nina, nobody, statements
):
    counts, sent = {}, statements()
    for size in (2, 6):
        for number in range(size):
            await review(f"ORDER-{size}-{number}", body=f"Review {number} of {size}.")
        for name, who in (("maria", maria), ("nina", nina), ("nobody", nobody)):
            before = len(sent)
            shown = await who.ask(PAGE, ref={"externalId": "LOGO"})
            counts.setdefault(name, []).append(len(sent) - before)
            nodes = shown["service"]["reviews"]["nodes"]
            assert {each["viewerIsAuthor"] for each in nodes} == {name == "maria"}
            assert {each["viewerCan"]["edit"] for each in nodes} == {name == "maria"}
            assert {each["viewerCan"]["reply"] for each in nodes} == {name == "nina"}

    assert all(few == many for few, many in counts.values()), counts
