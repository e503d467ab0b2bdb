"""Imported reviews: which ones are verified, and how rejected and pending ones behave."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta

import pytest

from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order, Review

DAY = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
ORDERS = (
    "order_id,status,completed_at,customer_id,customer_name,vendor_id,vendor_name,service_id,"
    "service_title\n"
)
SEEN = """{ reviews(first: 20) { nodes { id body status verifiedPurchase
  moderation { status reason note decidedAt } } } }"""


@pytest.fixture
def load(tmp_path, settings):
    """Import a file as an operator: `await load("reviews", text)`; exit code, stdout, stderr."""

    async def run(kind, text, *options):
        file = tmp_path / f"{kind}.csv"
        file.write_text(text)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from candor.commands.main import main; main()"),
            *("import", kind, str(file), *options),
            env=os.environ | {"CANDOR_DATABASE_URL": settings.database_url},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, complained = await process.communicate()
        return process.returncode, said.decode().strip(), complained.decode().strip()

    return run


@pytest.fixture
async def history(load):
    """Import orders: 1 to 3 are completed, 4 is cancelled."""
    rows = "".join(
        f"O{number},{'CANCELLED' if number == 4 else 'COMPLETED'},{DAY} 12:00:00,"
        "MARIA,Maria Souza,NINA,Nina,LOGO,A logo\n"
        for number in range(1, 5)
    )
    assert (await load("orders", ORDERS + rows))[0] == 0


@pytest.fixture
def verified(app):
    async def look():
        return {review.body: review.verified async for review in Review.all()}

    return look


@pytest.fixture
def review_link(settings):
    async def make(id):
        order = await Order.get(external_id=id)
        claim = Claim(Purpose.REVIEW, order.id, 1, expires_at=datetime(2100, 1, 1, tzinfo=UTC))
        return f"/r/{sign(settings.secret, claim)}"

    return make


def reviews(*rows, columns="order_id,rating,body,created_at"):
    return "\n".join((columns, *rows)) + "\n"


async def test_a_review_of_an_order_from_a_file_is_no_verified_purchase(
    history, load, nobody, verified
):
    done = await load("reviews", reviews(f"O1,5,one,{DAY} 18:00", f"O4,5,four,{DAY} 18:00"))

    assert done == (0, "2 created", "")
    assert await verified() == {"one": False, "four": False}
    rows = (await nobody.ask(SEEN))["reviews"]["nodes"]
    assert [node["verifiedPurchase"] for node in rows] == [False, False]


async def test_a_column_of_the_file_is_nobodys_word_without_the_operators(history, load, verified):
    text = reviews(
        f"O1,5,one,{DAY} 18:00,yes",
        columns="order_id,rating,body,created_at,verified_purchase",
    )

    assert (await load("reviews", text))[1] == "1 created"
    assert await verified() == {"one": False}


async def test_a_review_of_an_order_that_the_feed_told_is_verified(feed, load, verified):
    completed = datetime.now(UTC) - timedelta(days=5)
    for id in ("EARLY", "LATE"):
        await feed(id, completedAt=completed.isoformat())
    await feed("REFUNDED", status="REFUNDED", completedAt=completed.isoformat())
    before = (completed - timedelta(days=1)).isoformat()

    text = reviews(
        f"LATE,5,late,{DAY} 18:00", f"EARLY,5,early,{before}", f"REFUNDED,1,refunded,{DAY}"
    )

    assert (await load("reviews", text))[1] == "3 created"
    assert await verified() == {"late": True, "early": False, "refunded": False}


async def test_the_operator_vouches_for_reviews_of_completed_orders(history, load, verified):
    text = reviews(f"O1,5,one,{DAY} 10:00", f"O4,5,four,{DAY} 18:00")

    assert (await load("reviews", text, "--verified"))[1] == "2 created"
    assert await verified() == {"one": True, "four": False}


async def test_the_operator_vouches_for_what_the_column_says(history, load, verified):
    text = reviews(
        f"O1,5,one,{DAY} 18:00,TRUE",
        f"O2,5,two,{DAY} 18:00,no",
        f"O3,5,three,{DAY} 18:00,",
        f"O4,5,four,{DAY} 18:00,1",
        columns="order_id,rating,body,created_at,verified_purchase",
    )

    assert (await load("reviews", text, "--verified"))[1] == "4 created"
    assert await verified() == {"one": True, "two": False, "three": False, "four": True}


async def test_a_word_that_is_neither_yes_nor_no_spoils_its_row_alone(history, load, verified):
    text = reviews(
        f"O1,5,one,{DAY} 18:00,perhaps",
        f"O2,5,two,{DAY} 18:00,y",
        columns="order_id,rating,body,created_at,verified_purchase",
    )

    code, said, complained = await load("reviews", text, "--verified")

    assert (code, said) == (1, "1 created, 1 failed")
    assert "verified_purchase: 'perhaps' is neither yes nor no" in complained
    assert await verified() == {"two": True}


async def test_a_stored_review_keeps_its_mark(history, load, verified):
    text = reviews(f"O1,5,one,{DAY} 18:00")
    await load("reviews", text)

    assert (await load("reviews", text, "--verified"))[1] == "1 unchanged"
    assert await verified() == {"one": False}


async def test_orders_have_nothing_to_vouch_for(history, load, stored):
    before = await stored()

    assert (await load("orders", ORDERS, "--verified"))[0] == 2
    assert await stored() == before


async def test_the_policy_tells_what_is_verified(nobody):
    text = (await nobody.ask("{ reviewPolicy { verification } }"))["reviewPolicy"]["verification"]

    assert "files of an older system" in text
    assert "operator" in text


REJECTED = reviews(
    f"O1,1,one,{DAY} 18:00,REJECTED,SPAM",
    f"O2,1,,{DAY} 18:00,rejected,",
    f"O3,1,three,{DAY} 18:00,REJECTED,off topic",
    columns="order_id,rating,body,created_at,status,reason",
)


async def test_a_rejected_review_has_its_reason_for_its_author_and_admins(
    history, load, maria, ada, nobody
):
    assert (await load("reviews", REJECTED))[1] == "3 created"

    query = SEEN.replace("first: 20", "first: 20, filter: { status: REJECTED }")
    rows = (await ada.ask(query))["reviews"]["nodes"]
    moderations = {node["body"]: node["moderation"] for node in rows}
    assert {body: (m["status"], m["reason"], m["note"]) for body, m in moderations.items()} == {
        "one": ("REJECTED", "SPAM", None),
        "": ("REJECTED", "OTHER", None),
        "three": ("REJECTED", "OFF_TOPIC", None),
    }
    assert all(m["decidedAt"] for m in moderations.values())
    mine = "query($id: ID!) { review(id: $id) { moderation { reason } } }"
    for node in rows:
        own = await maria.ask(mine, id=node["id"])
        assert own["review"]["moderation"] == {"reason": moderations[node["body"]]["reason"]}
        assert (await nobody.ask(mine, id=node["id"]))["review"] is None


@pytest.mark.parametrize("window", [30, 1])
async def test_the_link_to_a_rejected_review_opens(history, load, client, review_link, ada, window):
    await ada.do("updateSettings", reviewWindowDays=window)
    await load("reviews", REJECTED)

    for id, words in (
        ("O1", "It reads like advertising"),
        ("O2", "It does not follow our rules for reviews."),
    ):
        page = await client.get(await review_link(id))
        assert page.status_code == 200
        assert words in page.text


async def test_a_rejection_without_a_reason_that_is_stored_already_is_told_as_other(
    history, load, client, review_link, maria
):
    await load("reviews", REJECTED)
    await Review.all().update(rejection_reason=None, moderated_at=None)

    page = await client.get(await review_link("O1"))
    assert page.status_code == 200
    assert "It does not follow our rules for reviews." in page.text
    data = await maria.ask(
        'query { order(ref: { externalId: "O1" }) { review { moderation { reason decidedAt } } } }'
    )
    moderation = data["order"]["review"]["moderation"]
    assert moderation["reason"] == "OTHER"
    assert moderation["decidedAt"].startswith(DAY)


async def test_who_was_rejected_elsewhere_can_write_anew(
    history, load, client, review_link, nobody
):
    await load("reviews", REJECTED)

    done = await client.post(
        await review_link("O2"), data={"rating": "2", "body": "It was too late for us."}
    )

    assert done.status_code == 200
    again = await Review.get(body="It was too late for us.")
    assert (again.status, again.rejection_reason) == ("PENDING", None)
    assert (await nobody.ask(SEEN))["reviews"]["nodes"] == []


@pytest.mark.parametrize("status", ["APPROVED", "PENDING", ""])
async def test_a_reason_of_what_is_not_rejected_is_refused(history, load, stored, status):
    before = await stored()
    text = reviews(
        f"O1,1,one,{DAY} 18:00,{status},SPAM",
        columns="order_id,rating,body,created_at,status,reason",
    )

    code, said, complained = await load("reviews", text)

    assert (code, said) == (1, "1 failed")
    assert complained == "line 2: failed: reason: Only a rejection has a reason."
    assert await stored() == before


async def test_an_unknown_reason_is_refused_with_those_that_there_are(history, load, stored):
    before = await stored()
    text = reviews(
        f"O1,1,one,{DAY} 18:00,REJECTED,RUDE",
        columns="order_id,rating,body,created_at,status,reason",
    )

    code, _, complained = await load("reviews", text)

    assert code == 1
    assert "'RUDE' is none of SPAM, OFFENSIVE" in complained
    assert await stored() == before


async def test_a_waiting_review_of_a_file_waits_for_an_admin_like_any_other(
    history, load, client, review_link, ada, nobody, outbox
):
    text = reviews(
        f"O1,4,one,{DAY} 18:00,PENDING", columns="order_id,rating,body,created_at,status"
    )
    await load("reviews", text)

    page = await client.get(await review_link("O1"))
    assert "Somebody looks at it before it is published." in page.text
    assert (await nobody.ask(SEEN))["reviews"]["nodes"] == []
    [waiting] = (await ada.ask(SEEN.replace("20", "20, filter: { status: PENDING }")))["reviews"]["nodes"]  # fmt: skip
    assert waiting["moderation"] is None

    rejected = await ada.do(
        "moderateReviews",
        "results { review { status moderation { reason } } }",
        decisions=[{"reviewId": waiting["id"], "status": "REJECTED", "reason": "FAKE"}],
    )
    assert rejected["results"] == [
        {"review": {"status": "REJECTED", "moderation": {"reason": "FAKE"}}}
    ]
    assert await outbox() == ["review.rejected"]
    assert (await client.get(await review_link("O1"))).status_code == 200


async def test_a_row_tells_all_that_is_wrong_with_it(history, load, stored):
    before = await stored()
    row = f"O1,9,Good.,{DAY} 12:00:00,7,SPAM,APPROVED"

    code, said, complained = await load(
        "reviews", reviews(row, columns="order_id,rating,body,created_at,quality,reason,status")
    )

    stars = "A rating is a whole number of stars from 1 to 5."
    assert (code, said) == (1, "1 failed")
    assert complained == (
        f"line 2: failed: rating: {stars}; quality: {stars}; reason: Only a rejection has a reason."
    )
    assert await stored() == before
