"""Every documented maximum can be sent, even fully escaped, and nothing longer is read."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from candor.callers.body_limits import MAX_BODY, MAX_DECISIONS, MAX_FEED, MAX_TEAM, MAX_TEXT
from mailers.letters.signed_links import Claim, Purpose, sign
from models import Order, TeamMember
from resolvers.review_moderation import MAX_BATCH
from resolvers.team_feed import MAX_MEMBERS
from schema.api import schema
from tests.candor.longest import WIDE, filled, octets
from tests.candor.mutations import FIELDS, Stage, document, input_of
from tests.candor.real_server import RealServer, start
from tests.fixtures.application import SECRET
from tests.fixtures.people import Person
from tests.fixtures.reviews import BODY

# The text of an operation, without its variables.
TEXT = 10_000
QUERIES = schema._schema.query_type.fields
STREAMS = schema._schema.subscription_type.fields
SUMMARIES = "query($refs: [NodeRef!]!) { ratingSummaries(services: $refs) { count } }"


def size(field):
    """The bytes of the longest request for a field."""
    return TEXT + sum(
        len(name) + 6 + octets(argument.type, name, argument.description)
        for name, argument in field.args.items()
    )


@pytest.mark.parametrize("mutation", [*FIELDS])
def test_the_longest_input_of_each_mutation_fits(mutation):
    most = {
        "upsertOrders": MAX_FEED,
        "upsertTeamMembers": MAX_TEAM,
        "moderateReviews": MAX_DECISIONS,
    }.get(mutation, MAX_TEXT)

    assert size(FIELDS[mutation]) <= most


@pytest.mark.parametrize("name", [*QUERIES, *STREAMS])
def test_the_longest_arguments_of_each_query_fit_for_anonymous_callers_as_documented(name):
    most = MAX_TEXT if name == "ratingSummaries" else MAX_BODY

    assert size({**QUERIES, **STREAMS}[name]) <= most


@pytest.fixture
def send(client):
    """Send it as a client that escapes every character. Gives the answer."""

    async def post(person, query, variables):
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        if person.token:
            headers["Authorization"] = f"Bearer {person.token}"
        return await client.post("/graphql", content=body, headers=headers, timeout=60)

    return post


@pytest.fixture
def stage(request, feed, review, open_update, solve):
    names = ("maria", "carl", "nina", "sam", "ada", "shop")
    cast = {name: request.getfixturevalue(name) for name in names}
    return Stage(cast, feed=feed, review=review, open_update=open_update, solve=solve), cast


def refusals(answer):
    [payload] = answer.json()["data"].values()
    rows = [payload, *payload.get("results", [])]
    return [error for row in rows for error in row["errors"]]


# Those with texts: batches have tests of their own.
BATCHES = {"upsertOrders", "upsertTeamMembers", "moderateReviews"}


@pytest.mark.parametrize("mutation", sorted(FIELDS.keys() - BATCHES))
async def test_the_longest_texts_are_stored(mutation, stage, send):
    stage, cast = stage
    person, given = await stage.prepared(mutation, "ORDER-1")
    if mutation == "createReview":
        given |= {"idempotencyKey": "key"}
    given = filled(input_of(mutation), given)

    answer = await send(cast[person], document(mutation), {"input": given})

    assert answer.status_code == 200, answer.text
    assert refusals(answer) == []


async def test_the_longest_review_fits_for_guests_too(feed, client, send):
    await feed()
    order = await Order.get()
    until = datetime.now(UTC) + timedelta(days=1)
    claim = Claim(Purpose.REVIEW, order.id, order.link_version, expires_at=until)
    guest = Person(client, sign(SECRET, claim))
    given = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": WIDE * 20_000}

    answer = await send(guest, document("createReview"), {"input": given})

    assert refusals(answer) == []


async def test_the_most_decisions_with_their_longest_notes_fit(review, ada, send):
    ids = [(await review(f"ORDER-{number}"))["id"] for number in range(MAX_BATCH)]
    decisions = [
        {
            "reviewId": each,
            "status": "REJECTED",
            "reason": "OFF_TOPIC",
            "note": WIDE * 2_000,
            "expectedEditedAt": None,
        }
        for each in ids
    ]

    answer = await send(ada, document("moderateReviews"), {"input": {"decisions": decisions}})

    assert len(answer.request.content) > 2_400_000
    assert refusals(answer) == []
    assert len(answer.json()["data"]["moderateReviews"]["results"]) == MAX_BATCH


@pytest.mark.parametrize("is_key", [False, True])
async def test_the_most_members_with_their_longest_names_fit(is_key, ada, team_key, send):
    person = team_key if is_key else ada
    members = [
        {
            "externalId": f"{number:03}" + WIDE * 197,
            "displayName": WIDE * 200,
            "email": f"{'m' * 60}@{'.'.join(['d' * 60] * 3)}.example",
            "role": "MODERATOR",
            "active": True,
        }
        for number in range(MAX_MEMBERS)
    ]

    answer = await send(person, document("upsertTeamMembers"), {"input": {"members": members}})

    assert len(answer.request.content) > 2_400_000
    assert refusals(answer) == []
    assert await TeamMember.filter(role="MODERATOR").count() == MAX_MEMBERS


async def test_the_most_ratings_by_their_longest_names_fit(send, maria, nobody):
    def refs(length):
        return {"refs": [{"externalId": WIDE * length} for _ in range(100)]}

    known = await send(maria, SUMMARIES, refs(200))
    unknown = await send(nobody, SUMMARIES, refs(160))
    refused = await send(nobody, SUMMARIES, refs(200))

    for answer in (known, unknown):
        assert answer.json()["data"]["ratingSummaries"] == [{"count": 0}] * 100
    assert refused.status_code == 413
    assert refused.json()["errors"][0]["extensions"] == {"code": "BODY_TOO_LARGE", "max": MAX_BODY}


async def test_the_limit_on_the_text_of_an_operation_is_the_same_for_everybody(
    send, maria, ada, shop, socket
):
    long = "{ viewer { role } } #" + "x" * MAX_BODY
    connection = await socket(token=maria.token)
    await connection.say({"id": "1", "type": "subscribe", "payload": {"query": long}})
    told = [(await connection.hear())["payload"]]
    told += [(await send(person, long, {})).json()["errors"] for person in (maria, ada, shop)]

    for errors in told:
        assert errors[0]["extensions"] == {"code": "BODY_TOO_LARGE", "max": MAX_BODY}


@pytest.fixture
async def server(database, tmp_path, app):
    running: RealServer = await start(database, folder=tmp_path, GRACE=1, MAIL_WORKER="off")
    yield await running.ready()
    await running.kill()


def of_a_review(body):
    given = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": body}
    return {"query": document("createReview"), "variables": {"input": given}}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_server_takes_the_longest_review_over_a_socket(server, feed, maria):
    await feed()
    socket = await server.websocket(Authorization=f"Bearer {maria.token}")
    await socket.send('{"type": "connection_init"}')
    assert json.loads(await socket.recv())["type"] == "connection_ack"
    message = {"id": "1", "type": "subscribe", "payload": of_a_review(WIDE * 20_000)}
    await socket.send(json.dumps(message))

    told = json.loads(await socket.recv())
    assert told["payload"]["data"] == {"createReview": {"errors": []}}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_a_server_takes_the_longest_review_in_small_pieces(server, feed, maria, accept):
    await feed()
    body = json.dumps(of_a_review(WIDE * 20_000)).encode()
    pieces = b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in _cut(body, 10)) + b"0\r\n\r\n"
    head = (
        "POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Accept: {accept}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
        f"Authorization: Bearer {maria.token}\r\n\r\n"
    )
    client = await server.connect()
    await client.say(head.encode() + pieces)

    answer = await client.end(60)
    assert MAX_BODY < len(body) <= MAX_TEXT
    assert b'{"createReview":{"errors":[]}}' in answer


def _cut(octets_, length):
    return [octets_[place : place + length] for place in range(0, len(octets_), length)]


async def test_a_review_that_is_too_long_says_so_and_nothing_is_stored(feed, maria, send, stored):
    await feed()
    before = await stored()
    given = {"order": {"externalId": "ORDER-1"}, "rating": 5, "body": BODY + "x" * 20_000}

    answer = await send(maria, document("createReview"), {"input": given})

    assert [error["code"] for error in refusals(answer)] == ["BODY_TOO_LONG"]
    assert await stored() == before
