"""A shop with a value in every column, made by mutations whose payloads are checked."""

from datetime import UTC, datetime, timedelta

import pytest
from graphql import get_named_type, is_object_type

from mailers.catalogue import CATALOGUE
from models import MailAttempt, MailStatus, OutboxMail
from models.uuid7 import uuid7
from schema import ids
from tests.schema.field_walk import NODES, TYPES, Way, facts, filled, same

NOW = datetime.now(UTC)


def told_by(payload):
    """The path from a mutation's payload to its object; None if the payload has only an id."""
    steps, type_ = [], payload
    while type_.name.endswith(("Payload", "Result")):
        below = {name: get_named_type(each.type) for name, each in type_.fields.items()}
        objects = [
            name
            for name, each in below.items()
            if is_object_type(each) and each is not TYPES["UserError"]
        ]
        if not objects:
            return None
        steps.append(objects[0])
        type_ = below[objects[0]]
    return Way(tuple(steps), type_)


@pytest.fixture
async def write(app):
    """Run a mutation, and check its payload and what is stored.

    With `echoes` the payload must contain the input's values.
    """
    done = set()

    async def do(person, mutation, *, echoes=False, **input):
        done.add(mutation)
        way = told_by(TYPES["Mutation"].fields[mutation].type.of_type)
        if way is None:
            assert (await person.do(mutation, **input))["errors"] == []
            return None
        everything = facts(way.type_)
        answer = await person.do(mutation, way.selection(everything), **input)
        assert answer["errors"] == []
        (thing,) = way.ends(answer)
        if echoes:
            assert same(input, thing) == {}, mutation
        if way.type_ in NODES:
            now = await person.ask(
                f'{{ node(id: "{thing["id"]}") {{ ... on {way.type_.name} {{ {everything} }} }} }}'
            )
            assert now["node"] == thing, mutation
        return thing

    do.done = done
    return do


SETTINGS = {
    "siteUrl": "https://shop.example",
    "timeZone": "Europe/Berlin",
    "adminEmail": "ada@example.com",
    "reviewWindowDays": 30,
    "reviewEditDays": 30,
    "shareAudience": "EVERYONE",
    "promoterShareUrl": "https://share.example/?u={site_url}",
    "reviewUrlTemplate": "https://shop.example/review?t={token}",
    "updateUrlTemplate": "https://shop.example/rate?t={token}",
    "vendorReviewUrlTemplate": "https://desk.example/vendor/{review_id}",
    "teamReviewUrlTemplate": "https://desk.example/review/{review_id}",
    "teamUpdateUrlTemplate": "https://desk.example/update/{update_id}",
    "mailSwitches": [{"mail": mail, "enabled": True} for mail in CATALOGUE],
    "sellerLevels": [
        {"level": "LEVEL_1", "minAverage": 4.1, "minReviews": 1},
        {"level": "LEVEL_2", "minAverage": 4.2, "minReviews": 2},
        {"level": "TOP_SELLER", "minAverage": 4.3, "minReviews": 3},
    ],
}


def an_order(number, customer):
    def person(id):
        return filled("PersonInput", externalId=id, email=f"{id.lower()}@example.com", locale="de")

    return filled(
        "OrderInput",
        externalId=f"ORDER-{number}",
        status="COMPLETED",
        completedAt=(NOW - timedelta(days=1)).isoformat(),
        updatedAt=NOW.isoformat(),
        handOver=False,
        customer=person(customer),
        vendor=person("NINA"),
        service=filled("ServiceInput", externalId="LOGO", url="https://shop.example/logo"),
    )


@pytest.fixture
async def shop_of_everything(write, shop, ada, sam, maria, carl, nina):
    """Make settings, orders, reviews and updates with a value in every column; all inputs."""
    await write(ada, "updateSettings", echoes=True, **filled("UpdateSettingsInput", **SETTINGS))
    orders = [an_order(1, "MARIA"), an_order(2, "CARL"), an_order(3, "CARL")]
    for order in orders:
        await write(shop, "upsertOrders", orders=[order])
    await write(ada, "revokeLinks", order={"externalId": "ORDER-1"})
    await _reviewed(write, ada, maria, carl, nina)
    await _talked(write, ada, sam, maria)
    await _mailed(write, ada)
    assert write.done == TYPES["Mutation"].fields.keys()
    return {"Order": orders[0], "Service": orders[0]["service"], "Vendor": orders[0]["vendor"]}


async def _reviewed(write, ada, maria, carl, nina):
    first, second, third = ({"externalId": f"ORDER-{number}"} for number in (1, 2, 3))
    given = filled("CreateReviewInput", order=first)
    echoes = {
        name: value for name, value in given.items() if name not in {"order", "idempotencyKey"}
    }
    before = await write(maria, "createReview", **given)
    assert same(echoes, before) == {}
    id_ = before["id"]
    given = filled("EditReviewInput", turn=2, reviewId=id_)
    after = await write(maria, "editReview", **given)
    assert same({name: given[name] for name in given if name != "reviewId"}, after) == {}
    (kept,) = after["revisions"]
    assert same(echoes, kept) == {}, "a revision keeps the review as it was"
    await write(ada, "approveReview", reviewId=id_, note="A note for the author.")
    await write(nina, "replyToReview", reviewId=id_, body="A reply of the vendor's.")
    await write(ada, "deleteReply", reviewId=id_, reason="It was of another order.")
    await write(nina, "replyToReview", reviewId=id_, body="Another reply of the vendor's.")
    for vote in ("voteHelpful", "withdrawVote", "voteHelpful"):
        await write(carl, vote, reviewId=id_)
    given = filled("EditReviewInput", turn=3, reviewId=id_)
    waits = await write(maria, "editReview", echoes=False, **given)
    given.pop("reviewId")
    assert same(given, waits["pendingVersion"]) == {}, "an edit of a published review waits"
    other = await write(carl, "createReview", **filled("CreateReviewInput", order=second))
    decision = filled(
        "ModerationInput", reviewId=other["id"], status="REJECTED", expectedEditedAt=None
    )
    await write(ada, "moderateReviews", decisions=[decision])
    await write(ada, "rejectReview", reviewId=other["id"], reason="SPAM", note="It is a copy.")
    gone = await write(carl, "createReview", **filled("CreateReviewInput", 1, order=third))
    await write(ada, "deleteReview", reviewId=gone["id"], reason="The author asked for it.")


async def _talked(write, ada, sam, maria):
    order, of_sam = {"externalId": "ORDER-1"}, {"externalId": "SAM"}
    given = filled("OpenUpdateInput", order=order, assignee=of_sam)
    opened = await write(sam, "openUpdate", **given)
    assert same({name: given[name] for name in ("title", "customerVisible")}, opened) == {}
    assert opened["assignee"] is not None
    update = {"updateId": opened["id"]}
    await write(sam, "postNote", body="A note to the customer.", internal=False, **update)
    notes = "notes { nodes { author { displayName isCustomer } } }"
    told = await sam.ask(f'{{ orderUpdate(id: "{opened["id"]}") {{ {notes} }} }}')
    author = {"author": {"displayName": "Sam", "isCustomer": False}}
    assert told["orderUpdate"]["notes"]["nodes"] == [author, author]
    await write(sam, "assignUpdate", assignee=None, **update)
    await write(sam, "assignUpdate", assignee=of_sam, **update)
    await write(sam, "solveUpdate", notifyCustomer=False, **update)
    await write(maria, "reportStillHasIssue", note="It is not.", **update)
    await write(sam, "solveUpdate", notifyCustomer=False, **update)
    await write(sam, "reopenUpdate", note="Something was forgotten.", **update)
    await write(sam, "solveUpdate", notifyCustomer=True, **update)
    rated = await write(maria, "rateUpdate", stars=2, comment="It took a while.", **update)
    assert same({"stars": 2, "comment": "It took a while."}, rated) == {}
    await write(sam, "openUpdate", **given)
    await write(ada, "markNotificationsRead", ids=None, all=True)
    member = filled("TeamMemberInput", externalId="SAM", email="sam@example.com", active=False)
    told = await write(ada, "upsertTeamMembers", echoes=False, members=[member])
    assert (told["displayName"], told["role"]) == (member["displayName"], member["role"])


async def _mailed(write, ada):
    """Mails in the states that need a relay, and one that is cancelled and retried."""
    for status in (MailStatus.SENT, MailStatus.SCHEDULED):
        mail = await OutboxMail.filter(status=MailStatus.SCHEDULED).order_by("-id").first()
        await OutboxMail.filter(id=mail.id).update(
            status=status,
            attempts=3,
            last_code=450,
            last_error="4.2.1 try later",
            reason="a reason",
            finished_at=mail.due_at,
        )
        await MailAttempt.create(
            id=uuid7(),
            mail_id=mail.id,
            failed_at=mail.due_at,
            status="SCHEDULED",
            code=450,
            error="4.2.1 try later",
        )

    waiting = await OutboxMail.filter(status=MailStatus.SCHEDULED).order_by("id").first()
    await write(ada, "cancelMail", id=ids.encode("MailDelivery", waiting.id))
    await OutboxMail.filter(id=waiting.id).update(status=MailStatus.DEAD)
    await write(ada, "retryMail", id=ids.encode("MailDelivery", waiting.id))
