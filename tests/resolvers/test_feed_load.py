"""Many feeds and people at the same time leave exact counters."""

import asyncio

import pytest

from models import Review, sql
from tests.resolvers.feeds import EVIL, GOOD, NOW, ago, order


@pytest.fixture(autouse=True)
def now(at):
    return at(NOW)


def people_of(n):
    return {"externalId": f"P-{n}", "displayName": f"Per Son{n}", "email": f"p{n}@example.com"}


async def some_reviews(send, person):
    """Two reviews to start with, so that a slow machine has some too."""
    for v, vendor in enumerate((GOOD, EVIL)):
        service = {"externalId": f"S-{v}-0", "title": "T"}
        await send(order(f"B-{v}-0", vendor=vendor, service=service, customer=people_of(0)))
        author = person("customer", "P-0")
        await author.do("createReview", order={"externalId": f"B-{v}-0"}, rating=5, body="Very good work.")  # fmt: skip
    assert await Review.all().count() == 2


async def test_many_concurrent_writers_cause_no_error_and_leave_exact_counters(
    send, client, shop, nina_key, evil_key, person, nina, database
):
    import random

    from resolvers import rating_counters

    chance = random.Random(7)
    await some_reviews(send, person)
    people = [people_of(n) for n in range(5)]
    tokens = {each["externalId"]: person("customer", each["externalId"]) for each in people}
    vendors = [GOOD, EVIL]
    failures = []

    def row():
        v = chance.randrange(2)
        return order(
            f"B-{v}-{chance.randrange(8)}",
            vendor=vendors[v],
            service={"externalId": f"S-{v}-{chance.randrange(2)}", "title": "T"},
            customer=chance.choice(people) | {"displayName": f"Per Son{chance.randrange(99)}"},
            status=chance.choice(["COMPLETED"] * 6 + ["IN_PROGRESS", "REFUNDED"]),
            completedAt=None if chance.random() < 0.3 else ago(hours=chance.randrange(1, 200)),
            handOver=chance.random() < 0.7,
            **({"updatedAt": ago(minutes=chance.randrange(600))} if chance.random() < 0.4 else {}),
        )

    async def feeder(by):
        for _ in range(12):
            answer = await by.send(
                "mutation($i: UpsertOrdersInput!) { upsertOrders(input: $i) { results { outcome errors { code } } } }",
                {"i": {"orders": [row() for _ in range(12)]}},
            )
            if answer.status_code != 200 or "INTERNAL" in answer.text:
                failures.append(answer.text[:300])

    async def customer(who):
        for _ in range(40):
            kind = chance.randrange(4)
            if kind == 0:
                text = await who.send(
                    "mutation($i: CreateReviewInput!) { createReview(input: $i) { errors { code } } }",
                    {
                        "i": {
                            "order": {
                                "externalId": f"B-{chance.randrange(2)}-{chance.randrange(8)}"
                            },
                            "rating": chance.randrange(1, 6),
                            "body": "Quite a good thing.",
                        }
                    },
                )
            else:
                reviews = await Review.all()
                if not reviews:
                    await asyncio.sleep(0.01)
                    continue
                from schema import ids

                id = ids.encode("Review", chance.choice(reviews).id)
                name, type, more = [
                    ("voteHelpful", "VoteInput", {}),
                    ("withdrawVote", "VoteInput", {}),
                    ("editReview", "EditReviewInput", {"rating": chance.randrange(1, 6)}),
                ][kind - 1]
                text = await who.send(
                    f"mutation($i: {type}!) {{ {name}(input: $i) {{ errors {{ code }} }} }}",
                    {"i": {"reviewId": id, **more}},
                )
            if text.status_code != 200 or "INTERNAL" in text.text:
                failures.append(text.text[:300])

    await asyncio.gather(
        *(feeder(by) for by in (shop, shop, shop, nina_key, evil_key)),
        *(customer(who) for who in tokens.values()),
    )

    assert failures == []
    assert await rating_counters.drifts() == []
    wrong = await sql.fetch(
        "SELECT r.id FROM review r JOIN orders o ON o.id = r.order_id WHERE r.customer_id <> o.customer_id"
        " OR r.vendor_id <> o.vendor_id OR r.service_id <> o.service_id"
        " OR r.helpful_count <> (SELECT count(*) FROM review_vote x WHERE x.review_id = r.id)"
        " OR EXISTS (SELECT 1 FROM review_vote x JOIN customer c ON c.external_id = x.person"
        " WHERE x.review_id = r.id AND c.id = r.customer_id)"
    )
    assert wrong == []
    assert await Review.all().count() >= 2
    stray = await sql.fetch(
        "SELECT n.kind FROM notification n JOIN review r ON r.id = n.subject_id JOIN customer c ON"
        " c.id = r.customer_id WHERE n.audience = 'CUSTOMER' AND n.recipient <> c.external_id"
    )
    assert stray == []
