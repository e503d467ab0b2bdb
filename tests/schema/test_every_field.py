"""Every field of every type, with a value in it, by every way: what was written is what is read.

All of it is generated from the schema: a new field, column or type is in it by itself.
"""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from graphql import get_named_type

from candor.engine.fast.rows.answer import Straight
from models import MailAttempt, MailStatus, OutboxMail
from models.uuid7 import uuid7
from schema.context import Context
from schema.review import shows_public_alone
from tests.candor.sameness import COMPILED, STOCK, VIEWERS, operation_of
from tests.schema.field_walk import NODES, TYPES, Known, fact, facts, filled, leaves_of, same, ways

ROOTS = {
    "service": '(ref: { externalId: "LOGO" })',
    "vendor": '(ref: { externalId: "NINA" })',
    "order": '(ref: { externalId: "ORDER-1" })',
    "reviewEligibility": '(order: { externalId: "ORDER-1" })',
    "ratingSummaries": '(services: [{ externalId: "LOGO" }])',
    "teamAnalytics": '(period: { from: "2026-01-01", to: "2026-01-31" })',
}
NOW = datetime.now(UTC)


@pytest.fixture
async def write(app):
    """Do a mutation, and look at its answer and at what it left behind.

    With `told` the answer must tell the input itself.
    """

    async def do(person, mutation, *, told=False, **input):
        payload = TYPES["Mutation"].fields[mutation].type.of_type
        name, definition = next(iter(payload.fields.items()))
        inner = get_named_type(definition.type)
        answer = await person.do(mutation, f"{name} {{ __typename {facts(inner)} }}", **input)
        assert answer["errors"] == []
        thing = answer[name]
        if told:
            assert same(input, thing) == {}, mutation
        if inner in NODES:
            now = await person.ask(
                f'{{ node(id: "{thing["id"]}") {{ __typename ... on {inner.name}'
                f" {{ {facts(inner)} }} }} }}"
            )
            assert now["node"] == thing, mutation
        return thing

    return do


SETTINGS = {
    "siteUrl": "https://shop.example",
    "timeZone": "Europe/Berlin",
    "adminEmail": "ada@example.com",
    "reviewWindowDays": 30,
    "shareAudience": "EVERYONE",
    "promoterShareUrl": "https://share.example/?u={site_url}",
    "reviewUrlTemplate": "https://shop.example/review?t={token}",
    "updateUrlTemplate": "https://shop.example/rate?t={token}",
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
    """Settings, orders, reviews and updates with a value in every column; all that was told."""
    await write(ada, "updateSettings", told=True, **filled("UpdateSettingsInput", **SETTINGS))
    orders = [an_order(1, "MARIA"), an_order(2, "CARL")]
    results = (await shop.do("upsertOrders", "results { outcome }", orders=orders))["results"]
    assert results == [{"outcome": "CREATED"}] * 2
    await _reviewed(write, ada, maria, carl, nina)
    await _talked(write, ada, sam, maria)
    await _mailed()
    return {"Order": orders[0], "Service": orders[0]["service"], "Vendor": orders[0]["vendor"]}


async def _reviewed(write, ada, maria, carl, nina):
    first, second = ({"externalId": f"ORDER-{number}"} for number in (1, 2))
    given = filled("CreateReviewInput", order=first)
    told = {name: value for name, value in given.items() if name not in {"order", "idempotencyKey"}}
    before = await write(maria, "createReview", **given)
    assert same(told, before) == {}
    id_ = before["id"]
    given = filled("EditReviewInput", turn=2, reviewId=id_)
    after = await write(maria, "editReview", **given)
    assert same({name: given[name] for name in given if name != "reviewId"}, after) == {}
    (kept,) = after["revisions"]
    assert same(told, kept) == {}, "a revision keeps the review as it was"
    await write(ada, "approveReview", reviewId=id_, note="A note for the author.")
    await write(nina, "replyToReview", reviewId=id_, body="A reply of the vendor's.")
    await write(carl, "voteHelpful", reviewId=id_)
    other = await write(carl, "createReview", **filled("CreateReviewInput", order=second))
    await write(ada, "rejectReview", reviewId=other["id"], reason="SPAM", note="It is a copy.")


async def _talked(write, ada, sam, maria):
    sams = {"externalId": "SAM"}
    order = {"externalId": "ORDER-1"}
    given = filled("OpenUpdateInput", order=order, assignee=sams)
    update = {"updateId": (await write(sam, "openUpdate", **given))["id"]}
    await write(sam, "postNote", body="A note to the customer.", internal=False, **update)
    await write(sam, "solveUpdate", notifyCustomer=True, **update)
    await write(maria, "rateUpdate", stars=2, comment="It took a while.", **update)
    await write(sam, "openUpdate", **given)
    await write(ada, "markNotificationsRead", ids=None, all=True)


async def _mailed():
    """Mails in the states that take a relay."""
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


async def _ask(execution, viewer, text):
    result = await execution.execute(operation_of(text), {}, Context(viewer))
    codes = {getattr(error.original_error, "code", error) for error in result.errors or ()}
    if codes and codes <= {"FORBIDDEN", "UNAUTHENTICATED"} and not viewer.is_admin:
        return None
    assert not result.errors, f"{result.errors} {text}"
    return orjson.loads(orjson.dumps(result.data))  # as it goes over the wire


async def test_every_field_is_the_same_by_every_way(shop_of_everything, ada, maria):
    told = shop_of_everything
    (of_maria,) = (await maria.ask("{ reviews { nodes { id } } }"))["reviews"]["nodes"]
    updates = (await ada.ask("{ orderUpdates { nodes { id } } }"))["orderUpdates"]["nodes"]
    roots = ROOTS | {
        "review": f'(id: "{of_maria["id"]}")',
        "orderUpdate": f'(id: "{updates[0]["id"]}")',
    }
    seen = set()
    for name in ("Ada", "Nina", "Maria", "a stranger"):
        known, viewer = Known(), VIEWERS[name]
        for way in ways(roots):
            text = way.document(facts(way.type_))
            for execution in (STOCK, COMPILED):
                data = await _ask(execution, viewer, text)
                for thing in way.found(data):
                    if thing.get("__typename") == way.type_.name:
                        known.look(thing, text)
        await _by_ids(known, viewer)
        seen |= known.leaves()
        if name == "Ada":
            _is_what_was_told(known, told)
    expected = set().union(*map(leaves_of, NODES))
    assert expected - seen == set(), "the world above has no value for these"


async def _by_ids(known, viewer):
    for (name, id_), _ in list(known.things.items()):
        fields = f"__typename ... on {name} {{ {facts(TYPES[name])} }}"
        text = f'{{ node(id: "{id_}") {{ {fields} }} nodes(ids: ["{id_}"]) {{ {fields} }} }}'
        for execution in (STOCK, COMPILED):
            data = await _ask(execution, viewer, text)
            for thing in (data["node"], *data["nodes"]):
                known.look(thing, text)


def _is_what_was_told(known, told):
    """The orders, services and vendors are as the feed has told them."""
    for name, given in told.items():
        plain = {each: value for each, value in given.items() if not isinstance(value, dict)}
        (thing,) = (
            facts
            for (of, _), facts in known.things.items()
            if of == name and facts["externalId"] == given["externalId"]
        )
        assert same({each: plain[each] for each in plain.keys() & thing.keys()}, thing) == {}, name


async def test_each_field_alone_is_what_the_whole_tells(shop_of_everything, monkeypatch):
    """Asked for alone, it is read of fewer columns, or straight from a row."""
    straight, real = [], Straight.answer

    async def answer(self, viewer, variables):
        data = await real(self, viewer, variables)
        straight.append(data is not None)
        return data

    monkeypatch.setattr(Straight, "answer", answer)
    for viewer in (VIEWERS["a stranger"], VIEWERS["Ada"]):
        for name, before, after in (
            ("Review", "reviews(first: 9) { nodes {", "} }"),
            ("Service", "", ""),
            ("Vendor", "vendor {", "}"),
        ):
            page = f"{{ service{ROOTS['service']} {{ {before} %s {after} }} }}"
            whole = await _ask(STOCK, viewer, page % facts(TYPES[name]))
            for field, definition in TYPES[name].fields.items():
                text = page % fact(field, definition)
                if field not in facts(TYPES[name]):
                    continue
                straight.clear()
                for execution in (STOCK, COMPILED):
                    assert _within(await _ask(execution, viewer, text), whole), text
                if name == "Review":
                    assert straight == [True] * shows_public_alone({field: {}}), field


def _within(part, whole):
    if isinstance(part, dict):
        return all(_within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return all(map(_within, part, whole)) and len(part) == len(whole)
    return part == whole
