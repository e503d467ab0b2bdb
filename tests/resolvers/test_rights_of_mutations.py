"""Every mutation by every role, on one's own and others' reviews, against codes written by hand."""

from uuid import UUID

import pytest

from models import PendingVersion, Review, ReviewStatus, sql
from resolvers import (
    notifications,
    order_feed,
    review_edits,
    review_moderation,
    review_replies,
    review_votes,
    reviews,
    site_settings,
)
from resolvers.errors import Refusal
from resolvers.ref import Ref
from resolvers.viewer import Role, Viewer
from schema import ids

PEOPLE = ("nobody", "maria", "carl", "nina", "omar", "sam", "mona", "ada", "shop")
ADMINS_ONLY = ["UNAUTHENTICATED", *["FORBIDDEN"] * 6, "", "FORBIDDEN"]
MODERATORS = ["UNAUTHENTICATED", *["FORBIDDEN"] * 5, "", "", "FORBIDDEN"]

# By mutation and review (Maria's of Nina, Carl's of Omar, a held one of Maria's): the code that
# each of PEOPLE gets. Empty: the mutation succeeds.
TABLE = {
    "editReview": {
        "marias": ["UNAUTHENTICATED", "", *["FORBIDDEN"] * 5, "", "FORBIDDEN"],
        "carls": ["UNAUTHENTICATED", "FORBIDDEN", "", *["FORBIDDEN"] * 4, "", "FORBIDDEN"],
        "held": ["UNAUTHENTICATED", "", *["NOT_FOUND"] * 4, "FORBIDDEN", "", "FORBIDDEN"],
    },
    "deleteReview": dict.fromkeys(("marias", "carls", "held"), ADMINS_ONLY),
    "approveReview": dict.fromkeys(("marias", "carls", "held"), MODERATORS),
    "rejectReview": dict.fromkeys(("marias", "carls", "held"), MODERATORS),
    "deleteReply": {
        "marias": ADMINS_ONLY,
        "carls": ADMINS_ONLY,
        "held": ["UNAUTHENTICATED", *["FORBIDDEN"] * 6, "NOT_FOUND", "FORBIDDEN"],
    },
    "replyToReview": {
        "unanswered": ["UNAUTHENTICATED", *["NOT_THE_VENDOR"] * 2, "", *["NOT_THE_VENDOR"] * 5],
        "marias": [
            "UNAUTHENTICATED",
            *["NOT_THE_VENDOR"] * 2,
            "ALREADY_REPLIED",
            *["NOT_THE_VENDOR"] * 5,
        ],
        "carls": [
            "UNAUTHENTICATED",
            *["NOT_THE_VENDOR"] * 3,
            "ALREADY_REPLIED",
            *["NOT_THE_VENDOR"] * 4,
        ],
        "held": [
            "UNAUTHENTICATED",
            *["NOT_THE_VENDOR"] * 2,
            "NOT_PUBLISHED",
            "NOT_FOUND",
            *["NOT_THE_VENDOR"] * 4,
        ],
    },
    **dict.fromkeys(
        ("voteHelpful", "withdrawVote"),
        {
            "marias": [
                *("UNAUTHENTICATED", "OWN_REVIEW", "", "FORBIDDEN", "", "", "", "", "FORBIDDEN")
            ],
            "carls": [
                *("UNAUTHENTICATED", "", "OWN_REVIEW", "", "FORBIDDEN", "", "", "", "FORBIDDEN")
            ],
            "held": [
                "UNAUTHENTICATED",
                "NOT_PUBLISHED",
                "NOT_FOUND",
                "NOT_PUBLISHED",
                *["NOT_FOUND"] * 2,
                *["NOT_PUBLISHED"] * 2,
                "FORBIDDEN",
            ],
        },
    ),
}
INPUTS = {
    "editReview": {"body": "Quite another text."},
    "deleteReview": {"reason": "It was asked for."},
    "approveReview": {"note": "Fine."},
    "rejectReview": {"reason": "SPAM"},
    "deleteReply": {"reason": "It was rude."},
    "replyToReview": {"body": "Thank you."},
    "voteHelpful": {},
    "withdrawVote": {},
}
OMARS = {
    "vendor": {"externalId": "OMAR", "displayName": "Omar"},
    "service": {"externalId": "LOGO-2", "title": "Another logo"},
}


@pytest.fixture
async def scene(feed, review, maria, carl, nina, omar, ada):
    """Ids of the reviews, by their names in TABLE."""
    own = await review("ORDER-1")
    await nina.do("replyToReview", reviewId=own["id"], body="Thank you, Maria.")
    carls_customer = {"externalId": "CARL", "displayName": "Carl Weber"}
    await feed("ORDER-2", customer=carls_customer, **OMARS)
    made = await carl.do(
        "createReview",
        "review { id }",
        order={"externalId": "ORDER-2"},
        rating=2,
        body="It was not what I wanted.",
    )
    foreign = made["review"]
    await omar.do("replyToReview", reviewId=foreign["id"], body="I am sorry, Carl.")
    unanswered = await review("ORDER-4")
    await ada.do("updateSettings", reviewModeration=True)
    held = await review("ORDER-3")
    return {
        "marias": own["id"],
        "carls": foreign["id"],
        "held": held["id"],
        "unanswered": unanswered["id"],
    }


@pytest.fixture
def people(nobody, maria, carl, nina, omar, sam, mona, ada, shop):
    return dict(zip(PEOPLE, (nobody, maria, carl, nina, omar, sam, mona, ada, shop), strict=True))


def codes(payload):
    return ",".join(error["code"] for error in payload["errors"])


@pytest.mark.parametrize("mutation", TABLE)
async def test_every_role_gets_the_code_in_the_table_and_a_refusal_changes_nothing(
    mutation, scene, people, stored
):
    cases = [
        (whose, name, code)
        for whose, row in TABLE[mutation].items()
        for name, code in zip(PEOPLE, row, strict=True)
    ]
    thing = "deletedId" if mutation == "deleteReview" else "review { id }"
    before = await stored()

    for whose, name, code in (case for case in cases if case[2]):
        payload = await people[name].do(mutation, thing, reviewId=scene[whose], **INPUTS[mutation])
        assert (whose, name, codes(payload)) == (whose, name, code)
        assert payload.get("review", payload.get("deletedId")) is None
        assert payload["errors"][0]["message"]

    assert await stored() == before
    for whose, name, _ in (case for case in cases if not case[2]):
        payload = await people[name].do(mutation, thing, reviewId=scene[whose], **INPUTS[mutation])
        assert (whose, name, payload["errors"]) == (whose, name, [])
        shown = payload["review"]["id"] if "review" in payload else payload["deletedId"]
        assert shown == scene[whose]


async def test_only_its_customer_reviews_an_order_and_it_does_not_exist_for_strangers(
    feed, people, stored
):
    await feed("ORDER-1")
    await feed("ORDER-2", customer={"externalId": "CARL", "displayName": "Carl"}, **OMARS)
    table = {
        "ORDER-1": ["UNAUTHENTICATED", "", "NOT_FOUND", "NOT_THE_CUSTOMER", "NOT_FOUND"]
        + ["NOT_THE_CUSTOMER"] * 4,
        "ORDER-2": ["UNAUTHENTICATED", "NOT_FOUND", "", "NOT_FOUND", "NOT_THE_CUSTOMER"]
        + ["NOT_THE_CUSTOMER"] * 4,
        "ORDER-9": ["UNAUTHENTICATED", *["NOT_FOUND"] * 7, "NOT_THE_CUSTOMER"],
    }
    before = await stored()
    given = {"rating": 5, "body": "Very good work."}

    refused = {
        order: [
            codes(await people[name].do("createReview", order={"externalId": order}, **given))
            if code
            else ""
            for name, code in zip(PEOPLE, row, strict=True)
        ]
        for order, row in table.items()
    }

    assert refused == table
    assert await stored() == before
    for name, order in (("maria", "ORDER-1"), ("carl", "ORDER-2")):
        payload = await people[name].do(
            "createReview", "review { rating }", order={"externalId": order}, **given
        )
        assert payload == {"review": {"rating": 5}, "errors": []}


@pytest.mark.parametrize(
    ("mutation", "given", "expected"),
    [
        ("moderateReviews", {"decisions": []}, MODERATORS),
        ("updateSettings", {"siteName": "Mine"}, ADMINS_ONLY),
        ("upsertOrders", {"orders": []}, ["UNAUTHENTICATED", *["FORBIDDEN"] * 7, ""]),
        ("upsertTeamMembers", {"members": []}, ADMINS_ONLY),
        (
            "markNotificationsRead",
            {"all": True},
            ["UNAUTHENTICATED", *[""] * 7, "FORBIDDEN"],
        ),
    ],
)
async def test_rights_of_mutations_that_concern_no_single_review(
    mutation, given, expected, people, stored
):
    before = await stored()

    found = [
        codes(await people[name].do(mutation, **given))
        for name, code in zip(PEOPLE, expected, strict=True)
        if code
    ]

    assert found == [code for code in expected if code]
    assert await stored() == before
    for name, code in zip(PEOPLE, expected, strict=True):
        if not code:
            assert (await people[name].do(mutation, **given))["errors"] == []


async def test_decisions_of_a_batch_are_independent(scene, ada, people, stored):
    before = await stored()
    decisions = [
        {"reviewId": scene["marias"], "status": "REJECTED", "reason": "SPAM"},
        {"reviewId": scene["carls"], "status": "REJECTED"},
        {"reviewId": "nonsense", "status": "APPROVED"},
    ]

    for name in PEOPLE:
        if name not in {"mona", "ada"}:
            payload = await people[name].do("moderateReviews", decisions=decisions)
            assert codes(payload) in {"UNAUTHENTICATED", "FORBIDDEN"}
    assert await stored() == before

    payload = await ada.do(
        "moderateReviews",
        "results { review { status } errors { code field } }",
        decisions=decisions,
    )

    assert payload["results"] == [
        {"review": {"status": "REJECTED"}, "errors": []},
        {
            "review": None,
            "errors": [{"code": "INVALID", "field": ["input", "decisions", "1", "reason"]}],
        },
        {
            "review": None,
            "errors": [{"code": "INVALID", "field": ["input", "decisions", "2", "reviewId"]}],
        },
    ]


async def _guest_of(external_id: str) -> Viewer:
    row = (await sql.fetch("SELECT id FROM orders WHERE external_id = ?", external_id))[0]
    return Viewer(Role.GUEST, order_id=row["id"])


async def test_a_guest_acts_only_on_the_order_of_the_link(scene, feed, maria, stored):
    await feed("ORDER-5")
    guest = await _guest_of("ORDER-1")
    keys = {name: ids.key_of("Review", id) for name, id in scene.items()}
    words = {"rating": 5, "body": "Very good work."}
    mine, foreign, held = keys["marias"], keys["carls"], keys["held"]
    before = await stored()

    refusals = {
        "create again": ("ALREADY_REVIEWED", reviews.create_review(guest, order=Ref(external_id="ORDER-1"), **words)),
        "create foreign": ("NOT_FOUND", reviews.create_review(guest, order=Ref(external_id="ORDER-5"), **words)),
        "edit foreign": ("FORBIDDEN", review_edits.edit_review(guest, review_id=foreign, rating=1)),
        "edit held": ("NOT_FOUND", review_edits.edit_review(guest, review_id=held, rating=1)),
        "delete": ("FORBIDDEN", reviews.delete_review(guest, review_id=mine, reason="I want to")),
        "reply": ("NOT_THE_VENDOR", review_replies.reply_to_review(guest, review_id=mine, body="Thanks")),
        "delete reply": ("FORBIDDEN", review_replies.delete_reply(guest, review_id=mine, reason="No")),
        "approve": ("FORBIDDEN", review_moderation.approve_review(guest, review_id=mine)),
        "vote mine": ("FORBIDDEN", review_votes.vote_helpful(guest, review_id=mine)),
        "vote foreign": ("FORBIDDEN", review_votes.vote_helpful(guest, review_id=foreign)),
        "withdraw": ("FORBIDDEN", review_votes.withdraw_vote(guest, review_id=foreign)),
        "settings": ("FORBIDDEN", site_settings.update_settings(guest, site_name="Mine")),
        "orders": ("FORBIDDEN", order_feed.upsert_orders(guest, [])),
        "notices": ("FORBIDDEN", notifications.mark_read(guest, ids=None, everything=True)),
    }  # fmt: skip
    found = {}
    for name, (_, attempt) in refusals.items():
        try:
            await attempt
        except Refusal as error:
            found[name] = error.code

    assert found == {name: code for name, (code, _) in refusals.items()}
    assert await stored() == before
    edited = await review_edits.edit_review(guest, review_id=mine, rating=3)
    # Moderation is on: the edit waits, and what is public stays.
    assert (edited.rating, edited.status) == (5, ReviewStatus.APPROVED)
    assert (await PendingVersion.get()).rating == 3
    created = await reviews.create_review(
        await _guest_of("ORDER-5"), order=Ref(external_id="ORDER-5"), **words
    )
    assert (await Review.get(id=created.id)).rating == 5


async def test_ids_of_another_type_are_invalid_and_unknown_ids_not_found(
    scene, ada, stored, nobody
):
    service = (await nobody.ask('{ service(ref: {externalId: "LOGO"}) { id } }'))["service"]["id"]
    unknown = ids.encode("Review", UUID(int=7))
    before = await stored()

    found = {
        id: [
            codes(await ada.do(mutation, reviewId=id, **given))
            for mutation, given in INPUTS.items()
            if mutation != "replyToReview"
        ]
        for id in (service, "", "x", "\x00", "é" * 23, unknown)
    }

    assert found == {
        service: ["INVALID"] * 7,
        "": ["INVALID"] * 7,
        "x": ["INVALID"] * 7,
        "\x00": ["INVALID"] * 7,
        "é" * 23: ["INVALID"] * 7,
        unknown: ["NOT_FOUND"] * 7,
    }
    assert await stored() == before
