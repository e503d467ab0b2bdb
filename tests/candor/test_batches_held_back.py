"""PostgreSQL's answers are lost in the middle of a batch: each row says what is known of it."""

from itertools import count

import pytest

from schema.outcome_queries import OUTCOME_QUERIES
from tests.candor.mutations import document
from tests.fixtures.reviews import order_input

DECIDE, UPSERT = document("moderateReviews"), document("upsertOrders")


@pytest.fixture
def database(relay):
    return relay.url


async def insisting(person, query, variables):
    """The data, asked for until the database is back; whatever is lost then stores nothing."""
    while "errors" in (answer := (await person.send(query, variables)).json()):
        assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    return answer["data"]


def told(answer, mutation, *, rows):
    """The errors of each row."""
    body = answer.json()
    if "errors" in body:  # who asks was not known yet
        [error] = body["errors"]
        return [[(error["extensions"]["code"], error["message"])]] * rows
    return [
        [(error["code"], error["message"]) for error in row["errors"]]
        for row in body["data"][mutation]["results"]
    ]


def holds(errors, *, stored, advice):
    """Whether what a row says is true of it."""
    if not errors:
        return stored
    [(code, message)] = errors
    if code == "UNAVAILABLE":
        return not stored
    return code == "OUTCOME_UNKNOWN" and advice in message


async def test_each_decision_says_what_is_known_of_it(relay, direct, review, ada):
    codes, names = set(), count()

    async def decisions():
        ids = [(await review(f"ORDER-{next(names)}"))["id"] for _ in range(3)]
        rows = [{"reviewId": each, "status": "REJECTED", "reason": "SPAM"} for each in ids]
        return ids, {"input": {"decisions": rows}}

    for step in relay.steps(codes, "OUTCOME_UNKNOWN"):
        await ada.send(DECIDE, (await decisions())[1])
        ids, variables = await decisions()
        relay.hold_after(step, breaks=True)
        answer = await ada.send(DECIDE, variables)
        relay.hold_after(None)
        if not relay.holds:
            continue
        relay.drop()
        for each, errors in zip(ids, told(answer, "moderateReviews", rows=3), strict=True):
            shown = await insisting(ada, OUTCOME_QUERIES["moderateReviews"], {"reviewId": each})
            stored = shown["review"]["status"] == "REJECTED"
            assert holds(
                errors, stored=stored, advice=f"ask again: {OUTCOME_QUERIES['moderateReviews']}"
            )
            codes |= {code for code, _ in errors}

    assert step > 10
    assert codes == {"UNAVAILABLE", "OUTCOME_UNKNOWN"}


async def test_each_order_says_what_is_known_of_it_and_can_be_sent_again(relay, direct, shop):
    codes, names = set(), count()

    def given():
        first, second = f"ORDER-{next(names)}", f"ORDER-{next(names)}"
        rows = [order_input(each, status="IN_PROGRESS") for each in (first, second)]
        # A wave of its own, in a transaction of its own.
        later = order_input(first, status="REFUNDED")
        return (first, second, first), {"input": {"orders": [*rows, later]}}

    query, statuses = OUTCOME_QUERIES["upsertOrders"], ("IN_PROGRESS", "IN_PROGRESS", "REFUNDED")
    for step in relay.steps(codes, "OUTCOME_UNKNOWN"):
        await shop.send(UPSERT, given()[1])
        ids, variables = given()
        relay.hold_after(step, breaks=True)
        answer = await shop.send(UPSERT, variables)
        relay.hold_after(None)
        if not relay.holds:
            continue
        relay.drop()
        shown = [await insisting(shop, query, {"externalId": each}) for each in ids]
        orders = [each["order"] for each in shown]
        errors_of_rows = told(answer, "upsertOrders", rows=3)
        for order, status, errors in zip(orders, statuses, errors_of_rows, strict=True):
            # What came later was stored over what came first.
            stored = order is not None and order["status"] in {status, statuses[-1]}
            assert holds(errors, stored=stored, advice="Send it again")
            codes |= {code for code, _ in errors}
        await insisting(shop, UPSERT, variables)
        kept = "SELECT status FROM orders WHERE external_id = ANY($1) ORDER BY external_id"
        assert {row["status"] for row in await direct.fetch(kept, list(ids))} == {
            "IN_PROGRESS",
            "REFUNDED",
        }

    assert step > 10
    assert codes == {"UNAVAILABLE", "OUTCOME_UNKNOWN"}
