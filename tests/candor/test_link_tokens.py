"""The token of a link as a Bearer token: valid for its order or its update only."""

from datetime import UTC, datetime, timedelta

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order
from schema import ids

LATER = datetime(2100, 1, 1, tzinfo=UTC)
BODY = "Very good work, on time."


@pytest.fixture(params=["sqlite", "postgres"])
def database(request) -> str:
    return request.getfixturevalue(f"{request.param}_database")


@pytest.fixture
def holder(nobody, settings):
    """A caller who sends the token of a link: `holder(purpose, id)`."""

    def make(purpose, id, *, version=1, number=0, expires_at=LATER, secret=None):
        claim = Claim(purpose, ids.decode(id)[1], version, number, expires_at)
        return type(nobody)(nobody.client, sign(secret or settings.secret, claim))

    return make


async def test_an_orders_link_reviews_that_order_alone(feed, holder, nobody):
    mine, other = await feed("ORDER-1"), await feed("ORDER-2")
    maria = holder(Purpose.REVIEW, mine["order"]["id"])

    viewer = (await maria.ask("{ viewer { role externalId } }"))["viewer"]
    refused = await maria.do(
        "createReview", order={"id": other["order"]["id"]}, rating=5, body=BODY
    )
    stored = await maria.do(
        "createReview", "review { rating }", order={"externalId": "ORDER-1"}, rating=5, body=BODY
    )

    assert viewer == {"role": "GUEST", "externalId": None}
    assert [error["code"] for error in refused["errors"]] == ["NOT_FOUND"]
    assert stored == {"review": {"rating": 5}, "errors": []}
    seen = await maria.ask(
        '{ a: order(ref: {externalId: "ORDER-1"}) { id } b: order(ref: {externalId: "ORDER-2"}) { id } }'
    )
    assert seen["a"] is not None
    assert seen["b"] is None


async def test_an_updates_link_rates_that_update_alone(open_update, solve, holder, act, show):
    mine, other = (
        await solve(await open_update("ORDER-1")),
        await solve(await open_update("ORDER-2")),
    )
    guest = holder(Purpose.RATE_UPDATE, mine["id"], number=1)

    assert await show(guest, other) is None
    refused = await act(guest, "rateUpdate", other, stars=5)
    rated = await act(guest, "rateUpdate", mine, stars=4)

    assert [error["code"] for error in refused["errors"]] == ["NOT_FOUND"]
    assert rated["errors"] == []
    assert rated["orderUpdate"]["rating"]["stars"] == 4
    assert (await guest.ask('{ order(ref: {externalId: "ORDER-1"}) { id } }'))["order"] is None


async def test_the_link_of_an_older_solve_is_superseded(open_update, solve, holder, act, sam, show):
    update = await solve(await open_update())
    await act(sam, "reopenUpdate", update)
    await solve(update)

    answer = await act(
        holder(Purpose.RATE_UPDATE, update["id"], number=1), "rateUpdate", update, stars=1
    )

    assert [error["code"] for error in answer["errors"]] == ["CONFLICT"]
    assert (await show(sam, update))["status"] == "SOLVED"


async def test_a_bad_link_is_no_link_at_all(feed, holder, settings):
    order = (await feed("ORDER-1"))["order"]["id"]
    good = holder(Purpose.REVIEW, order)
    past = datetime.now(UTC) - timedelta(seconds=1)
    gone = ids.encode("Order", ids.decode(order)[1].__class__(int=7))
    bad = [
        holder(Purpose.REVIEW, order, secret="somebody else's"),
        holder(Purpose.REVIEW, order, expires_at=past),
        holder(Purpose.UNSUBSCRIBE, order),
        holder(Purpose.RATE_UPDATE, order),
        holder(Purpose.REVIEW, order, version=2),
        holder(Purpose.REVIEW, gone),
        type(good)(good.client, good.token[:-1]),
        type(good)(good.client, "A" + good.token),
        type(good)(good.client, "x" * 58),
    ]
    assert (await good.send("{ viewer { role } }")).status_code == 200

    for person in bad:
        answer = await person.send("{ viewer { role } }")
        assert answer.status_code == 401
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"

    await Order.all().update(link_version=2)
    assert (await good.send("{ viewer { role } }")).status_code == 401


async def test_guests_of_two_links_have_a_budget_each(open_update, solve):
    from candor.callers.budgets import Caller
    from models.uuid7 import uuid7
    from resolvers.viewer import Role, Viewer

    names = {
        Caller(Viewer(Role.GUEST, **{kind: uuid7()})).name
        for kind in ("order_id", "update_id")
        for _ in range(2)
    }

    assert len(names) == 4


async def test_an_admin_revokes_all_links_to_an_order_and_to_no_other(
    feed, open_update, solve, holder, ada, mona, sam, maria, stored, nobody
):
    mine, other = await feed("ORDER-1"), await feed("ORDER-2")
    update = await solve(await open_update("ORDER-1"))
    theirs = [
        holder(Purpose.REVIEW, mine["order"]["id"]),
        holder(Purpose.RATE_UPDATE, update["id"], number=1),
    ]
    others = holder(Purpose.REVIEW, other["order"]["id"])
    before = await stored()
    order = {"externalId": "ORDER-1"}
    for person, code in (
        (mona, "FORBIDDEN"),
        (sam, "FORBIDDEN"),
        (maria, "FORBIDDEN"),
        (others, "FORBIDDEN"),
        (nobody, "UNAUTHENTICATED"),
    ):
        refused = await person.do("revokeLinks", order=order)
        assert [error["code"] for error in refused["errors"]] == [code]
    unknown = await ada.do("revokeLinks", order={"externalId": "ORDER-9"})
    assert [error["code"] for error in unknown["errors"]] == ["NOT_FOUND"]
    assert await stored() == before

    done = await ada.do("revokeLinks", "order { externalId }", order=order)

    assert done == {"order": order, "errors": []}
    for each in theirs:
        assert await each.refused("{ viewer { role } }") == ["UNAUTHENTICATED"]
    assert await others.ask("{ viewer { role } }") == {"viewer": {"role": "GUEST"}}
    fresh = holder(Purpose.REVIEW, mine["order"]["id"], version=2)
    assert await fresh.ask("{ viewer { role } }") == {"viewer": {"role": "GUEST"}}
    log = (
        "{ trackingLog(filter: { kind: LINKS_REVOKED }) { nodes { actor order { externalId } } } }"
    )
    assert (await ada.ask(log))["trackingLog"]["nodes"] == [{"actor": "ADA", "order": order}]
