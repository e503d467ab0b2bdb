"""Orders that change hands, with their reviews, notifications, mails and links."""

import asyncio

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Customer, Order, OutboxMail, Review, sql
from tests.resolvers.feeds import (
    BOB,
    GOOD,
    NOW,
    WILMA,
    ago,
    order,
    outcomes,
    places,
    shown_author,
)


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


async def test_a_reviewed_order_changes_its_customer_only_by_a_hand_over(
    send, write, stored, nobody
):
    await send(order())
    await write()
    before = await stored()

    results = await send(order(customer=BOB))

    assert outcomes(results) == ["CONFLICT"]
    assert places(results[0]) == ["customer.externalId"]
    assert await stored() == before
    assert await shown_author(nobody) == ["Wilma W."]


async def test_nobody_is_handed_a_review_of_their_own_service(send, write, stored):
    await send(order())
    await write()
    before = await stored()

    results = await send(order(customer=GOOD, handOver=True))

    assert outcomes(results) == ["CONFLICT"]
    assert await stored() == before


async def test_a_hand_over_moves_the_review_notifications_and_mails_to_the_new_customer(
    send, write, person, wilma, nina, nobody, log
):
    bob = person("customer", "BOB")
    await send(order())
    written = await write()
    await bob.do("voteHelpful", reviewId=written)
    carl = person("customer", "CARL")
    await carl.do("voteHelpful", reviewId=written)
    await nina.do("replyToReview", reviewId=written, body="We send you another one.")

    results = await send(order(customer=BOB, handOver=True))

    assert outcomes(results) == ["UPDATED"]
    review = (await nobody.ask("{ reviews { nodes { author { displayName } helpfulCount } } }"))[
        "reviews"
    ]["nodes"]
    assert review == [{"author": {"displayName": "Bob B."}, "helpfulCount": 1}]
    inbox = "{ viewer { notifications { nodes { kind } } } }"
    assert (await wilma.ask(inbox))["viewer"]["notifications"]["nodes"] == []
    assert [n["kind"] for n in (await bob.ask(inbox))["viewer"]["notifications"]["nodes"]] == [
        "REVIEW_REPLIED"
    ]
    promised = await OutboxMail.filter(audience="CUSTOMER", status="SCHEDULED")
    assert [(m.mail, m.recipient, m.address) for m in promised] == [
        ("review.replied", "BOB", "bob@example.com")
    ]
    assert await log() == [("ORDER_HANDED_OVER", "shop", {"from": "WILMA", "to": "BOB"})]
    edited = await bob.do("editReview", "review { rating }", reviewId=written, rating=4)
    assert edited == {"review": {"rating": 4}, "errors": []}
    refused = await wilma.do("editReview", reviewId=written, rating=5)
    assert [error["code"] for error in refused["errors"]] == ["FORBIDDEN"]


async def test_a_hand_over_revokes_a_workers_claim_on_a_mail(send, write, nina):
    await send(order())
    written = await write()
    await nina.do("replyToReview", reviewId=written, body="We send you another one.")
    held = {"status": "SENDING", "lease_token": "T", "lease_until": 1}
    await OutboxMail.filter(mail="review.replied").update(**held)

    await send(order(customer=BOB, handOver=True))

    mail = await OutboxMail.get(mail="review.replied")
    assert (mail.status, mail.lease_token, mail.recipient) == ("SCHEDULED", None, "BOB")


@pytest.mark.parametrize("reviewed", [False, True])
async def test_a_hand_over_invalidates_all_old_links(send, write, client, settings, reviewed, log):
    await send(order())
    if reviewed:
        await write()
    row = await Order.get(external_id="ORDER-1")
    token = sign(settings.secret, Claim(Purpose.REVIEW, row.id, version=row.link_version))

    async def asked():
        query = '{ order(ref: {externalId: "ORDER-1"}) { externalId } }'
        page = await client.get(f"/r/{token}")
        headers = {"Authorization": f"Bearer {token}"}
        api = await client.post("/graphql", json={"query": query}, headers=headers)
        return page.status_code, api.status_code

    before = await asked()
    await send(order(customer=BOB, handOver=reviewed))

    assert (before, await asked()) == ((200, 200), (404, 401))
    forged = await client.get(f"/r/{'A' * len(token)}")
    assert (await client.get(f"/r/{token}")).text == forged.text
    assert [entry[::2] for entry in await log()] == [
        ("ORDER_HANDED_OVER", {"from": "WILMA", "to": "BOB"})
    ]


async def test_any_key_may_change_the_customer_of_an_unreviewed_order_before_completion(
    send, nina_key, wilma, person
):
    await send(order(status="IN_PROGRESS", completedAt=None))

    first = await send(order(status="DELIVERED", completedAt=None, customer=BOB), by=nina_key)
    second = await send(order(customer=WILMA))

    assert outcomes(first + second) == ["UPDATED", "UPDATED"]
    query = '{ order(ref: {externalId: "ORDER-1"}) { externalId } }'
    assert (await wilma.ask(query))["order"] == {"externalId": "ORDER-1"}
    assert (await person("customer", "BOB").ask(query))["order"] is None


async def test_a_reused_order_number_does_not_hand_over_a_review(send, write, nobody):
    await send(order("#1001"))
    await write("#1001")

    results = await send(order("#1001", customer=BOB, completedAt=ago(hours=1)))

    assert outcomes(results) == ["CONFLICT"]
    assert await shown_author(nobody) == ["Wilma W."]


async def test_a_concurrent_vote_and_hand_over_leave_no_vote_for_ones_own_review(
    send, write, person
):
    bob = person("customer", "BOB")
    await send(order())
    written = await write()

    for turn in range(6):
        to = (BOB, WILMA)[turn % 2]
        await asyncio.gather(
            bob.do("voteHelpful", reviewId=written), send(order(customer=to, handOver=True))
        )
        review = await Review.get()
        owner = await Customer.get(id=review.customer_id)
        votes = [row["person"] for row in await sql.fetch("SELECT person FROM review_vote")]
        assert owner.external_id not in votes
        assert review.helpful_count == len(votes)
